// agent.toml and agent.d/*.toml: read, checked key by key.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "device-agent/commands/command_runner.h"
#include "device-agent/reports/script_sources.h"
#include "device-agent/rules/alert_actions.h"

namespace agent {

struct AgentConfig {
  std::int64_t interval_us = 1'000'000;        // [agent] interval
  std::int64_t flush_us = 10'000'000;          // [agent] flush: the loss window of a power cut
  std::size_t spool_bytes = 64 * 1024 * 1024;  // [agent] spool_max
  std::vector<std::string> disabled;           // [auto] disable: series names, '*' at the end for any
  std::vector<CommandConfig> commands;         // [[command]]
  std::vector<AlertConfig> alerts;             // [[alert]]
  std::vector<ExecConfig> execs;               // [[exec]]
  std::vector<ExecdConfig> execds;             // [[execd]]
  std::vector<TextfileConfig> textfiles;       // [[textfile]]
  PushConfig push;                             // [push]
};

/// Reads `path` (if not empty) and then every *.toml of the folder beside it with ".d" for ".toml", by name; later ones
/// win.
/// ${NAME} in a value is replaced from the environment. On failure `problem` says file, line, key and what is allowed.
bool read_config(const std::string& path, AgentConfig& config, std::string& problem);

/// A commented file with every key at its default.
std::string default_config();

}  // namespace agent
