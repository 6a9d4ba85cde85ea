// hub.toml and the environment, checked key by key.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/settings.h"

namespace hub {

/// The value of an environment variable, or nothing.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

/// Reads the file into `settings`. In texts ${NAME} stands for an environment variable. Answers every mistake, each as
/// "FILE:LINE: KEY: what is wrong; what is allowed"; empty: all is well.
std::vector<std::string> read_config_file(const std::string& path, const Environment& environment, Settings& settings);
std::vector<std::string> read_config_text(std::string_view text, const std::string& name,
                                          const Environment& environment, Settings& settings);

/// TELEMETRY_HUB_PORT, TELEMETRY_HUB_LOG_LEVEL …: each key in capitals, dots as underscores.
std::vector<std::string> read_environment(const Environment& environment, Settings& settings);
std::string environment_name(const SettingKey& key);

}  // namespace hub
