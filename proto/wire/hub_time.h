// The hub's time, as this device can know it without trusting its own wall clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace wire {

/// What the hub said, carried forward on the boot clock, which goes on through sleep and never jumps. A message that
/// lay in a buffer for a minute says a time that is a minute old: of all that was heard in a session, the one that
/// came fastest counts. So now_us() is never later than the hub's clock, and late by the fastest transfer at most.
/// Of one thread.
class HubTime {
 public:
  explicit HubTime(const base::Clock& clock) : clock_(clock) {}
  /// A new session: a hub whose clock was set back since is believed.
  void begin(double server_time_us) {
    ahead_us_.reset();
    heard(server_time_us);
  }
  void heard(double server_time_us) {
    if (!is_time(server_time_us)) return;
    const std::int64_t ahead = static_cast<std::int64_t>(server_time_us) - clock_.boot_us();
    ahead_us_ = std::max(ahead_us_.value_or(ahead), ahead);
  }
  /// Microseconds since 1970; nothing while the hub has not said any.
  std::optional<double> now_us() const {
    if (!ahead_us_) return std::nullopt;
    return static_cast<double>(clock_.boot_us() + *ahead_us_);
  }

  /// What a hub may call its time: NaN, zero and what would not fit an integer are none.
  static bool is_time(double us) { return us > 0 && us <= 9e15; }

 private:
  const base::Clock& clock_;
  std::optional<std::int64_t> ahead_us_;  // of the boot clock
};

}  // namespace wire
