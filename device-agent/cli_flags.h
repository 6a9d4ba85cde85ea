// What the command line said, and what more than one subcommand makes of it.
#pragma once

#include <optional>
#include <string>

#include "device-agent/config/agent_config.h"

namespace agent {

constexpr int kUsage = 2, kConfiguration = 3;

struct Flags {
  std::string config, state_folder, log_level = "info";
  std::string url, token, name, ca_sha256, proxy;
  unsigned simulate = 0;
  std::string simulate_token, hub;
  std::string push_name, push_value, push_unit, push_time, push_format, push_socket;
  bool json = false;
};

/// agent.toml of the flags; empty: every key at its default.
std::string config_path(const Flags& flags);
/// The configuration of the flags; nothing: what is wrong was said on stderr.
std::optional<AgentConfig> configuration(const Flags& flags);

// The subcommands that are more than a few lines, each in its file; they return the exit code.
int enroll_command(Flags flags);
int sensors_command(const Flags& flags, bool read);
int doctor_command(const Flags& flags);
int status_command(const Flags& flags);
int command_list_command(const Flags& flags);  // status_command.cpp
int push_command(const Flags& flags);

}  // namespace agent
