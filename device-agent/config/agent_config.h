// agent.toml and agent.d/*.toml: read, checked key by key.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "device-agent/commands/command_runner.h"
#include "device-agent/gpio/gpio_input.h"
#include "device-agent/gpio/gpio_outputs.h"
#include "device-agent/reports/script_sources.h"
#include "device-agent/rules/alert_actions.h"
#include "device-agent/sensors/sensor.h"

namespace agent {

struct AgentConfig {
  std::int64_t interval_us = 1'000'000;        // [agent] interval
  std::int64_t flush_us = 10'000'000;          // [agent] flush: the loss window of a power cut
  std::int64_t latency_us = 1'000'000;         // [agent] latency: how old a reading may get before it is sent
  std::size_t spool_bytes = 64 * 1024 * 1024;  // [agent] spool_max
  std::int64_t wake_interval_us = 0;           // [agent] wake_interval: of a board that switches itself off; 0: it runs
  std::string proxy;                           // [hub] proxy, see wire::choose_proxy(); may hold a password
  std::vector<std::string> disabled;           // [auto] disable: series names, '*' at the end for any
  std::string root;                            // [auto] root: where /proc and /sys of the machine are seen; "": at /
  KindOptions host, iio;                       // [host], [iio]
  KindOptions onewire{true, 10'000'000, {}};   // [onewire]
  std::vector<CommandConfig> commands;         // [[command]]
  std::vector<AlertConfig> alerts;             // [[alert]]
  std::vector<std::string> allowed;            // [commands] allow: built-in commands
  std::vector<GpioInputConfig> inputs;         // [[gpio]]
  std::vector<GpioOutputConfig> outputs;       // [[output]]
  /// All that sensors are made of, as text: two configurations with the same have the same sensors.
  std::string sensor_part;
  std::vector<ExecConfig> execs;          // [[exec]]
  std::vector<ExecdConfig> execds;        // [[execd]]
  std::vector<TextfileConfig> textfiles;  // [[textfile]]
  PushConfig push;                        // [push]
};

/// Reads `path` (if not empty) and then every *.toml of the folder beside it with ".d" for ".toml", by name; later ones
/// win.
/// ${NAME} in a value is replaced from the environment. On failure `problem` says file, line, key and what is allowed,
/// a line for each mistake.
bool read_config(const std::string& path, AgentConfig& config, std::string& problem);

/// A commented file with every key at its default.
std::string default_config();

}  // namespace agent
