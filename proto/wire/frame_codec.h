// Between columns of readings and telemetry.v1.Block bytes. Pure; used by agent (encode), hub (decode, journal), tests.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "telemetry/v1/readings.pb.h"
#include "wire/errc.h"

namespace wire {

struct FrameLimits {
  std::size_t readings = 65'536;  // in one frame
  std::size_t string_bytes = 1'024;
};

/// Fills a block's time fields from `times_us` (any order; at least one). base_us is stored as time - `relative_to_us`.
/// Chooses the step that makes the jitter column smallest, or leaves it out where the clock is regular.
void encode_times(std::span<const std::int64_t> times_us, std::int64_t relative_to_us, telemetry::v1::Block& block);

/// Decimal (smallest scale that is bit-exact for every value, deltas) where that takes fewer bytes than doubles, else
/// doubles. Any double is carried bit-exactly, NaN payloads and -0.0 included.
void encode_numbers(std::span<const double> values, telemetry::v1::Column& column);
void encode_booleans(std::span<const std::uint8_t> values, telemetry::v1::Column& column);
void encode_strings(std::span<const std::string> values, telemetry::v1::Column& column);
/// latitude, longitude, altitude triples.
void encode_coordinates(std::span<const double> triples, telemetry::v1::Column& column);

/// `relative_to_us` is added to base_us. Fails `malformed` where counts do not fit or a time overflows ±2^62,
/// `too_large` past the limits. `out` is reused.
base::Result<void> decode_times(const telemetry::v1::Block& block, std::int64_t relative_to_us,
                                const FrameLimits& limits, std::vector<std::int64_t>& out);
base::Result<void> decode_numbers(const telemetry::v1::Column& column, std::size_t count, std::vector<double>& out);
base::Result<void> decode_booleans(const telemetry::v1::Column& column, std::size_t count,
                                   std::vector<std::uint8_t>& out);
base::Result<void> decode_strings(const telemetry::v1::Column& column, std::size_t count, const FrameLimits& limits,
                                  std::vector<std::string>& out);
base::Result<void> decode_coordinates(const telemetry::v1::Column& column, std::size_t count,
                                      std::vector<double>& triples);

/// Series names are [A-Za-z0-9_.:-]{1,128}; units at most 32 bytes of printable UTF-8; device names 1–64 characters of
/// letters, digits, space and _.:- (no leading or trailing space).
bool is_series_name(std::string_view name);
bool is_unit(std::string_view unit);
bool is_device_name(std::string_view name);
bool is_utf8(std::string_view text);

}  // namespace wire
