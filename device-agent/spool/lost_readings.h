// What a frame that must be dropped held: ranges and counts for its gap record.
#pragma once

#include <string>

#include "telemetry/v1/device.pb.h"

namespace agent {

/// Adds the readings of a FrameBody to `gap`: one record a series, merged with what is there. A body that cannot be
/// read counts as a loss of unknown size.
void add_lost_frame(const std::string& body, telemetry::v1::GapReason reason, telemetry::v1::GapFrame& gap);
/// Adds the records of one gap to another.
void merge_gap(const telemetry::v1::GapFrame& from, telemetry::v1::GapFrame& into);

}  // namespace agent
