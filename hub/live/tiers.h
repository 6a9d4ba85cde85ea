// The rates at which live values are shared. Few on purpose: what a tier's tick holds is encoded once for all of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace hub::live {

inline constexpr std::size_t kTiers = 5;
inline constexpr std::array<double, kTiers> kTierHz{0, 10, 5, 1, 0.2};  // tier 0: raw

/// The fastest tier that is not faster than asked; the slowest where none is. 0 asks for raw.
constexpr std::size_t tier_for(double maximum_rate_hz) {
  if (maximum_rate_hz <= 0) return 0;
  for (std::size_t tier = 1; tier < kTiers; ++tier) {
    if (kTierHz[tier] <= maximum_rate_hz) return tier;
  }
  return kTiers - 1;
}
constexpr std::int64_t tier_period_us(std::size_t tier) {
  return static_cast<std::int64_t>(1e6 / kTierHz[tier]);
}

}  // namespace hub::live
