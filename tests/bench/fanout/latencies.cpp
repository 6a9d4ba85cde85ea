#include "latencies.h"

#include <algorithm>
#include <bit>

namespace bench {
namespace {

constexpr int kNsPerUs = 1'000;

std::size_t bucket_of(std::uint64_t us, int step_bits) {
  const std::uint64_t steps = 1ull << step_bits;
  if (us < steps) return us;
  const int shift = std::bit_width(us) - 1 - step_bits;
  return (static_cast<std::size_t>(shift + 1) << step_bits) + ((us >> shift) - steps);
}

std::uint64_t floor_us(std::size_t bucket, int step_bits) {
  const std::uint64_t steps = 1ull << step_bits;
  if (bucket < steps) return bucket;
  const auto shift = (bucket >> step_bits) - 1;
  return (steps + (bucket & (steps - 1))) << shift;
}

}  // namespace

void Latencies::add(std::int64_t ns) {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0) / kNsPerUs);
  ++buckets_[std::min(bucket_of(us, kStepBits), kBuckets - 1)];
  ++count_;
  max_us_ = std::max(max_us_, us);
}

double Latencies::quantile_ms(double share) const {
  if (count_ == 0) return -1;
  const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_ - 1)) + 1;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return static_cast<double>(floor_us(i, kStepBits)) / 1e3;
  }
  return max_ms();
}

}  // namespace bench
