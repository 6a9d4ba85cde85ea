// `device-agent run`: this machine, or a fleet of made-up ones.
#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <string>
#include <vector>

#include "device-agent/config/agent_config.h"

namespace agent {

struct RunOptions {
  AgentConfig config;
  std::string state_folder;
  unsigned simulate = 0;  // devices; 0: this machine
  std::string simulate_token, hub_url, ca_sha256;
  std::string config_path;             // read again on SIGHUP; empty: there is none
  std::vector<std::string> arguments;  // of this process, for the next one that restart-agent starts
};
/// Until SIGINT, SIGTERM or restart-agent. An exit code. SIGHUP reads the configuration again.
int run_agents(RunOptions options, std::shared_ptr<spdlog::logger> log);

}  // namespace agent
