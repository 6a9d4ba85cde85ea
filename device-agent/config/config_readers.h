// What each kind of table of agent.toml becomes. They throw ConfigError.
#pragma once

#include <toml++/toml.h>

#include <string>

#include "device-agent/commands/command_runner.h"
#include "device-agent/gpio/gpio_input.h"
#include "device-agent/gpio/gpio_outputs.h"
#include "device-agent/reports/script_sources.h"
#include "device-agent/rules/alert_actions.h"
#include "device-agent/sensors/sensor.h"

namespace agent {

CommandConfig read_command(const std::string& file, const toml::table& table);         // command_config.cpp
AlertConfig read_alert(const std::string& file, const toml::table& table);             // alert_config.cpp
GpioInputConfig read_gpio_input(const std::string& file, const toml::table& table);    // gpio_config.cpp
GpioOutputConfig read_gpio_output(const std::string& file, const toml::table& table);  // gpio_config.cpp
/// [host], [iio], [onewire], `name` being which: what the node says changes in `options`.
void read_kind(const std::string& file, const toml::node& node, const std::string& name,
               KindOptions& options);  // kind_config.cpp

// script_config.cpp
ExecConfig read_exec(const std::string& file, const toml::table& table);
ExecdConfig read_execd(const std::string& file, const toml::table& table);
TextfileConfig read_textfile(const std::string& file, const toml::table& table);
/// What is not in the table stays as it is.
void read_push(const std::string& file, const toml::table& table, PushConfig& push);

}  // namespace agent
