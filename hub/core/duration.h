// Durations as people write them: "30s", "5m", "1h", "7d".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hub {

/// A whole number and a unit (us, ms, s, m, h, d, w) as microseconds; nothing where it is none of these or does not fit
/// in 2^53 µs (285 years).
std::optional<std::int64_t> parse_duration(std::string_view text);
/// In the largest unit up to days that divides it: what parse_duration reads back. `duration_us` is not negative.
std::string format_duration(std::int64_t duration_us);

}  // namespace hub
