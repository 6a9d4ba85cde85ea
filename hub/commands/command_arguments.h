// Whether a device accepts a command with these arguments, by what it declared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "hub/core/errc.h"
#include "hub/storage/device_store.h"

namespace hub {

inline constexpr std::size_t kArgumentsBytes = 8 * 1024;
inline constexpr std::uint32_t kDefaultTimeoutMs = 60'000;
inline constexpr std::uint32_t kLongestTimeoutMs = 7 * 86'400 * 1'000;

/// The command as the device declared it; `ping` and `sample-now`, without arguments, where it did not. The Problem
/// names the command and lists what there is.
Outcome<CommandDescription> find_command(const DeviceRecord& device, const std::string& name);

/// The Problem's field is the JSON pointer of what does not fit, under /arguments.
Outcome<void> check_arguments(const CommandDescription& command, const std::string& arguments_json);

/// As JSON values: spelling and the order of members do not count. Both are JSON.
bool are_same_arguments(const std::string& a, const std::string& b);

}  // namespace hub
