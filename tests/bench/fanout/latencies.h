// How long things took: a histogram with two digits of accuracy and a fixed size.
#pragma once

#include <array>
#include <cstdint>

namespace bench {

class Latencies {
 public:
  void add(std::int64_t ns);
  void clear() { *this = Latencies(); }
  std::uint64_t count() const { return count_; }
  /// The value that a share of all does not exceed, in ms; -1 where there is none.
  double quantile_ms(double share) const;
  double max_ms() const { return count_ == 0 ? -1 : static_cast<double>(max_us_) / 1e3; }

 private:
  static constexpr int kStepBits = 7;  // 128 buckets for each doubling: 0.8 %
  static constexpr std::size_t kBuckets = 40u << kStepBits;
  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_us_ = 0;
};

inline std::int64_t ns_of(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e9);
}

/// What arrives at the subscribers.
struct Receipts {
  std::uint64_t count = 0;
  std::int64_t now = 0;  // when what is being looked at was received
  Latencies latencies;
  std::int64_t from_ns = 0;  // latencies of what was published before are not noted

  void arrived(std::int64_t stamp_ns) {
    ++count;
    if (stamp_ns >= from_ns) latencies.add(now - stamp_ns);
  }
};

}  // namespace bench
