#include "device-agent/cli_flags.h"

#include <cstdio>
#include <filesystem>

namespace agent {

std::string config_path(const Flags& flags) {
  const std::string usual = "/etc/device-agent/agent.toml";
  return flags.config.empty() && std::filesystem::exists(usual) ? usual : flags.config;
}

std::optional<AgentConfig> configuration(const Flags& flags) {
  AgentConfig config;
  std::string problem;
  if (read_config(config_path(flags), config, problem)) return config;
  std::fprintf(stderr, "device-agent: %s\n", problem.c_str());
  return std::nullopt;
}

}  // namespace agent
