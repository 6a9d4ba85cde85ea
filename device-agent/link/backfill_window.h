// How much of what was measured earlier may be under way, so that what is measured now never waits long behind it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace agent {

/// On a slow uplink a full credit of backfill would queue for minutes in front of each live frame: in the socket, in
/// the modem, at the hub. So the time from sending to acknowledgement is watched: below a quarter of a second the
/// window doubles, above three quarters it halves, once for each window sent. Measured in time, it needs to know
/// neither the bandwidth nor how the queue is shared.
class BackfillWindow {
 public:
  static constexpr std::size_t kLeastBytes = 8 * 1024, kMostBytes = 8 * 1024 * 1024;
  static constexpr std::int64_t kShortUs = 250'000, kLongUs = 750'000;

  std::size_t bytes() const { return bytes_; }
  /// A frame sent at `sent_us` was acknowledged at `now_us`; `was_full`: the window, and not the credit or the lack of
  /// frames, held the next one back.
  void acknowledged(std::int64_t sent_us, std::int64_t now_us, bool was_full) {
    if (sent_us < changed_us_) return;  // it says nothing about the window as it is now
    const std::int64_t delay_us = now_us - sent_us;
    if (delay_us > kLongUs) {
      bytes_ = std::max(bytes_ / 2, kLeastBytes);
    } else if (delay_us < kShortUs && was_full) {
      bytes_ = std::min(bytes_ * 2, kMostBytes);
    } else {
      return;
    }
    changed_us_ = now_us;
  }

 private:
  std::size_t bytes_ = 16 * 1024;
  std::int64_t changed_us_ = 0;
};

}  // namespace agent
