// When to try again: full jitter, what a close code says, and what the hub wishes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/random.h"

namespace agent {

inline constexpr std::uint16_t kCertificateExpired = 4012;

enum class Retry { now, back_off, never };

/// 4012 (an expired certificate may renew) now; else 4000–4099 never, 4100–4199 back off, 4200–4299 now; everything
/// else backs off.
inline Retry retry_after_close(std::uint16_t code) {
  if (code == kCertificateExpired) return Retry::now;
  if (code >= 4000 && code < 4100) return Retry::never;
  if (code >= 4200 && code < 4300) return Retry::now;
  return Retry::back_off;
}

/// A random time in [0, min(60 s, 1 s · 2^attempt)].
inline std::int64_t back_off_us(int attempt, base::Random& random) {
  const double limit = std::min(60e6, 1e6 * static_cast<double>(std::int64_t{1} << std::min(attempt, 10)));
  return static_cast<std::int64_t>(random.next_unit() * limit);
}

/// Counts what went wrong in a row. Only a session that lasted starts anew: a hub that welcomes and drops at once, or
/// two devices that fence each other with one credential, would otherwise be at it every second for ever.
class BackOff {
 public:
  static constexpr std::int64_t kLastedUs = 10'000'000;
  static constexpr std::int64_t kLongestHintUs = 3'600'000'000LL;

  void session_lasted(std::int64_t us) {
    if (us >= kLastedUs) attempt_ = 0;
  }
  /// How long to wait. `hint_us`, what the hub wished, is the least (an hour at most), with jitter on top: many devices
  /// may have been told the same.
  std::int64_t next_us(Retry retry, std::int64_t hint_us, base::Random& random) {
    if (retry == Retry::never) return kLongestHintUs;
    const std::int64_t own_us = back_off_us(attempt_, random);
    attempt_ = std::min(attempt_ + 1, 16);
    hint_us = std::clamp<std::int64_t>(hint_us, 0, kLongestHintUs);
    const auto spread = static_cast<double>(std::min<std::int64_t>(hint_us / 4, 30'000'000));
    return std::max(own_us, hint_us + static_cast<std::int64_t>(random.next_unit() * spread));
  }

 private:
  int attempt_ = 0;
};

}  // namespace agent
