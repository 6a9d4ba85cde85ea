// When to try again: full jitter, and what a close code says.
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

}  // namespace agent
