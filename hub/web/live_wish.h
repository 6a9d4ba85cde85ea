// What the query of a live stream over HTTP asks for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hub/core/errc.h"
#include "hub/web/live_position.h"
#include "hub/web/target.h"
#include "telemetry/v1/live.pb.h"

namespace hub::web {

/// The one subscription that such a stream has, checked as far as it can be without the registry.
struct LiveWish {
  static constexpr std::uint32_t kSubscription = 1;

  telemetry::v1::ViewerHello hello;
  telemetry::v1::Subscribe subscribe;
  bool happenings = true;  // presence and events are wanted
  LivePosition position;
  bool is_over = false;      // Last-Event-ID is what ended a closed range: nothing follows
  std::int64_t wait_ms = 0;  // of a poll
  std::string same;          // of two polls: whether they ask for the same
};

inline constexpr char kLiveOver[] = "end";  // the id of the event that ends a closed range

/// device, group, series (repeatable), from, to, width, rate, position, event_id, events. Problem names the parameter.
Outcome<LiveWish> read_event_stream_wish(const Target& target, std::string_view last_event_id, std::int64_t now_us);
/// The same, and wait (seconds).
Outcome<LiveWish> read_poll_wish(const Target& target, std::int64_t now_us);

}  // namespace hub::web
