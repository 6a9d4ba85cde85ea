// How fast one device may speak.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace hub {

/// Of one session, on its core. Ten seconds' worth may come at once, as after an outage; past it the session reads no
/// faster than the limits, and the device feels that as a slow network: nothing is refused and nothing is lost.
class DevicePace {
 public:
  DevicePace(double messages_per_s, double bytes_per_s, std::int64_t boot_us)
      : messages_per_us_(messages_per_s / 1e6),
        bytes_per_us_(bytes_per_s / 1e6),
        messages_(messages_per_s * kAtOnceS),
        bytes_(bytes_per_s * kAtOnceS),
        at_us_(boot_us) {}

  /// A message came: how long to rest before the next is read, in µs. Rests below 20 ms are saved up.
  std::int64_t take(std::size_t bytes, std::int64_t boot_us) {
    const auto passed_us = static_cast<double>(std::max<std::int64_t>(0, boot_us - at_us_));
    at_us_ = boot_us;
    messages_ = std::min(messages_ + passed_us * messages_per_us_, messages_per_us_ * 1e6 * kAtOnceS) - 1;
    bytes_ = std::min(bytes_ + passed_us * bytes_per_us_, bytes_per_us_ * 1e6 * kAtOnceS) - static_cast<double>(bytes);
    const double rest_us = std::max(-messages_ / messages_per_us_, -bytes_ / bytes_per_us_);
    return rest_us < kLeastRestUs ? 0 : static_cast<std::int64_t>(rest_us);
  }

 private:
  static constexpr double kAtOnceS = 10;
  static constexpr double kLeastRestUs = 20'000;

  const double messages_per_us_, bytes_per_us_;
  double messages_, bytes_;  // left; below zero: owed
  std::int64_t at_us_;
};

}  // namespace hub
