#include "wire/decimals.h"

#include <bit>
#include <cmath>

namespace wire {
namespace {

constexpr double kLargest = 9007199254740992.0;                    // 2^53
constexpr double kQuickLimit = 2e15, kRound = 6755399441055744.0;  // 1.5 · 2^52: adding it rounds to whole numbers

std::int64_t to_whole(double value) {
  // llrint is a call, since it may set errno.
  if (std::fabs(value) < kQuickLimit) return static_cast<std::int64_t>((value + kRound) - kRound);
  return std::llrint(value);
}

bool to_decimal(double value, int scale, std::int64_t& n) {
  const double scaled = value * kDecimalPower[scale];
  if (!(std::fabs(scaled) <= kLargest)) return false;
  n = to_whole(scaled);
  const double back = static_cast<double>(n) / kDecimalPower[scale];
  return std::bit_cast<std::uint64_t>(back) == std::bit_cast<std::uint64_t>(value);
}

}  // namespace

std::optional<int> find_decimals(std::span<const double> values, std::span<std::int64_t> out) {
  int scale = 0;
  std::size_t smaller = 0;  // values before this one were converted at a smaller scale
  for (std::size_t i = 0; i < values.size(); ++i) {
    while (!to_decimal(values[i], scale, out[i])) {
      if (++scale == kDecimalScales) return std::nullopt;
      smaller = i;
    }
  }
  // What is exact at a scale is nearly always exact at larger ones; nearly.
  for (std::size_t i = 0; i < smaller; ++i) {
    if (!to_decimal(values[i], scale, out[i])) return std::nullopt;
  }
  return scale;
}

}  // namespace wire
