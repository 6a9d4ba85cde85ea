// One subscription of one viewer: what it asks for and where its series stand.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "hub/live/selector.h"
#include "hub/live/session_position.h"
#include "hub/live/stitcher.h"

namespace hub::live {

/// What Subscribe said, checked.
struct SubscriptionWish {
  Selector selector;
  std::int64_t from_us = 0, to_us = 0;
  std::uint32_t width = 0;
  std::size_t tier = 0;
  bool paused = false;

  /// Problem names the field.
  static Outcome<SubscriptionWish> from(const telemetry::v1::Subscribe& request);
  /// Whether the same history answers both.
  bool shows_as(const SubscriptionWish& other) const {
    return selector == other.selector && from_us == other.from_us && to_us == other.to_us && width == other.width;
  }
};

/// Core only; owned by its session, which moves series between the three places they can be in: a stitcher at work,
/// live, or held at a position (paused, or the viewer is slow). Memory: O(series).
struct Subscription {
  struct Held {
    std::vector<SeriesId> series;
    Standing standing;
  };
  /// How its live series reach the viewer: most in one way, some in another.
  struct Modes {
    std::uint64_t version = 0;  // of the viewer's modes, when this was worked out
    std::uint8_t usual = 0;
    std::vector<std::pair<SeriesId, std::uint8_t>> others;
  };

  std::uint32_t id = 0;
  SubscriptionWish wish;
  std::vector<SeriesId> series;  // all, ordered
  std::list<std::shared_ptr<Stitcher>> stitchers;
  std::vector<SeriesId> live;
  bool attached = false;  // `live` is told as live
  mutable Modes modes;    // of `live`
  std::vector<Held> held;
  std::uint32_t members = 0;  // which devices its groups had: SessionPosition::Entry

  bool is_settled() const { return attached && stitchers.empty() && held.empty(); }
};

}  // namespace hub::live
