// Messages of the live link as JSON.
#pragma once

#include <string>

#include "telemetry/v1/live.pb.h"

namespace hub::web {

/// Appends what `message` holds, one object each, separated by commas (also from what stands in `out` already), in the
/// order in which they are to be handled: "hub", "subscribed", "phase", "history", "update", "presence", "event",
/// "gap", "freshness", "error" (member "type"). docs/live.md describes their members. Numbers read back as the same
/// doubles, null where they are not finite; times are whole microseconds; text is UTF-8, with U+FFFD for what is not.
/// Without `happenings`, presence and events are left out.
void append_messages(std::string& out, const telemetry::v1::LiveMessage& message, bool happenings);

const char* to_string(telemetry::v1::LivePhase::Phase phase);  // "live", "catch_up" …

}  // namespace hub::web
