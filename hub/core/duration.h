// Durations as people write them in bodies and files: "30s", "5m", "1h", "7d".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hub {

/// Whole number and unit (ms, s, m, h, d). Microseconds, or nothing.
std::optional<std::int64_t> duration_from_text(std::string_view text);
/// The largest unit that says it exactly.
std::string duration_to_text(std::int64_t us);

}  // namespace hub
