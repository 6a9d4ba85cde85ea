// Times as people and URLs write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hub::web {

/// Times a query may name: ±2^53 µs, what JSON numbers carry exactly (until 2255).
inline constexpr std::int64_t kLatestTime = (std::int64_t{1} << 53) - 1;

/// Microseconds since the epoch ("1763863200000000"), RFC 3339 ("2026-11-23T10:00:00.5+01:00"; a space may stand for
/// the '+' and for the 'T'), "now", or an offset from now ("-1h": ms, s, m, h, d). Nothing where it is none of
/// these.
std::optional<std::int64_t> parse_time(std::string_view text, std::int64_t now_us);
inline constexpr char kTimeForms[] =
    "an RFC 3339 time such as 2026-11-23T10:00:00Z, microseconds since the epoch, now, or an offset such as -1h (ms, "
    "s, "
    "m, h, d)";

/// For messages: what hub::duration_from_text reads.
inline constexpr char kDurationForms[] = "a number and a unit such as 30s, 5m, 1h, 7d";

}  // namespace hub::web
