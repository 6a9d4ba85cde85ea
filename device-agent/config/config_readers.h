// What each kind of [[table]] of agent.toml becomes. They throw ConfigError.
#pragma once

#include <toml++/toml.h>

#include <string>

#include "device-agent/commands/command_runner.h"
#include "device-agent/reports/script_sources.h"
#include "device-agent/rules/alert_actions.h"

namespace agent {

CommandConfig read_command(const std::string& file, const toml::table& table);  // command_config.cpp
AlertConfig read_alert(const std::string& file, const toml::table& table);      // alert_config.cpp

// script_config.cpp
ExecConfig read_exec(const std::string& file, const toml::table& table);
ExecdConfig read_execd(const std::string& file, const toml::table& table);
TextfileConfig read_textfile(const std::string& file, const toml::table& table);
/// What is not in the table stays as it is.
void read_push(const std::string& file, const toml::table& table, PushConfig& push);

}  // namespace agent
