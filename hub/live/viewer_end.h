// The core's end of one viewer: what it listens to and what waits for it.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "hub/live/conflator.h"
#include "hub/live/outbox.h"
#include "hub/live/tiers.h"

namespace hub::live {

/// How a series reaches a viewer now. Tiers 1 … kTiers-1 stand for themselves.
inline constexpr std::uint8_t kRaw = 0;
inline constexpr std::uint8_t kSlots = kTiers;  // conflated for this viewer alone, because it is slow

struct Listening {
  std::array<std::uint16_t, kTiers> wants{};  // live subscriptions of the viewer by tier
  std::uint8_t mode = kRaw;
  std::uint8_t mode_before = kRaw;
  CommitNumber since = 0;   // all commits up to here came in the modes before this one
  std::uint32_t index = 0;  // in the feed's listeners

  bool wanted() const {
    for (const auto n : wants) {
      if (n != 0) return true;
    }
    return false;
  }
  std::uint8_t finest() const {
    for (std::uint8_t tier = 0; tier < kTiers; ++tier) {
      if (wants[tier] != 0) return tier;
    }
    return kRaw;
  }
};

/// Core only. Filled by SeriesRouter, emptied by the viewer's session, which owns it (shared only so that a tier's tick
/// may find it gone). Memory: one Listening and, for slow viewers, one conflator slot a series.
class ViewerEnd {
 public:
  virtual ~ViewerEnd() = default;
  /// Something was pushed: the core flushes it at once where the viewer was idle, at the next tick otherwise.
  virtual void touched() = 0;
  /// Writes what waits. False: the viewer is slow, closing or gone.
  virtual bool flush() = 0;

  Outbox outbox;
  Conflator slots;
  /// Late readings of a lowered viewer: they are told with the slots, so that one position holds for all that was told.
  /// Bounded by the session, which counts them as waiting.
  std::vector<Fragment> slots_late;
  std::size_t slots_late_bytes = 0;
  void forget_late() {
    slots_late.clear();
    slots_late_bytes = 0;
  }
  bool lowered = false;  // slow: series go to `slots`
  std::unordered_map<SeriesId, Listening> listening;
  std::uint64_t modes_version = 0;  // grows whenever a mode changes
};

}  // namespace hub::live
