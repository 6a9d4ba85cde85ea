#include "device-agent/cli_flags.h"

#include <cstdio>
#include <filesystem>
#include <sstream>

namespace agent {

std::string config_path(const Flags& flags) {
  const std::string usual = "/etc/device-agent/agent.toml";
  return flags.config.empty() && std::filesystem::exists(usual) ? usual : flags.config;
}

std::optional<AgentConfig> configuration(const Flags& flags) {
  AgentConfig config;
  std::string problem;
  if (read_config(config_path(flags), config, problem)) return config;
  // A line for each mistake.
  std::istringstream lines(problem);
  for (std::string line; std::getline(lines, line);) std::fprintf(stderr, "device-agent: %s\n", line.c_str());
  return std::nullopt;
}

}  // namespace agent
