// What a script's words mean: numbers, times, texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "device-agent/sensors/sensor.h"

namespace agent {

/// A whole word as a finite number, decimal; nothing where it is not one.
std::optional<double> finite_number(std::string_view word);
/// At most 1 KiB of UTF-8 without control characters but tabs: what the hub stores as a text.
bool is_storable_text(std::string_view text);
/// Of any length, without control characters but tabs.
bool is_utf8(std::string_view text);
/// What a plain word means: a number, true or false, else a text. Nothing: not to be stored (or NaN, or infinite).
std::optional<Value> plain_value(std::string_view text);
/// Seconds since 1970 ("1700000000.5") or RFC 3339 ("2026-01-02T03:04:05.6Z", "…+02:00"), from 1970 to 2200, as µs.
std::optional<std::int64_t> time_of_text(std::string_view text);
std::optional<std::int64_t> time_of_seconds(double seconds);
/// The same of a count of `unit_ns` nanoseconds, without loss.
std::optional<std::int64_t> time_of_count(std::int64_t count, std::int64_t unit_ns);

std::string_view trimmed(std::string_view text);

}  // namespace agent
