// What a frame that must be dropped held: ranges and counts for its gap record.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "telemetry/v1/device.pb.h"

namespace agent {

/// Adds the readings of a FrameBody to `gap`: one record a series, merged with what is there. Returns how many. A body
/// that cannot be read counts as a loss of unknown size.
std::uint64_t add_lost_frame(const std::string& body, telemetry::v1::GapReason reason, telemetry::v1::GapFrame& gap);
/// Adds the records of one gap to another.
void merge_gap(const telemetry::v1::GapFrame& from, telemetry::v1::GapFrame& into);
/// A loss of which nothing is known but when, µs; 0: not even that.
telemetry::v1::GapFrame unknown_loss(std::int64_t from_us = 0, std::int64_t to_us = 0);
/// The earliest and the latest time of a FrameBody.
std::optional<std::pair<std::int64_t, std::int64_t>> times_of(const std::string& body);

}  // namespace agent
