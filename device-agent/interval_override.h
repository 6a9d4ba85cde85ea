// The interval that the command set-interval left in the state folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace agent {

/// FOLDER/interval: what was asked for, and what the configuration said then. It survives restarts; it counts for
/// nothing any more as soon as the configuration says something else: who edits the file has the last word.
std::optional<std::int64_t> load_interval(const std::string& folder, std::int64_t configured_us);
/// Durable when it returns. Nothing: back to the configuration.
base::Result<void> save_interval(const std::string& folder, std::optional<std::int64_t> interval_us,
                                 std::int64_t configured_us);

}  // namespace agent
