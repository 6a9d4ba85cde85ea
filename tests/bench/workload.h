// What every storage benchmark stores, here and in the peers: the same devices, series, times and values for the same
// options, so that ratios compare the same work.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <vector>

namespace bench {

inline constexpr unsigned kSeriesPerDevice = 10;
inline constexpr std::int64_t kStartUs = 1'717'200'000LL * 1'000'000;  // 2024-06-01T00:00:00Z

/// realistic: what sensors send (0.1 °C, 0.1 %, 0.01 hPa, mV, dBm, a counter, on/off, float32 noise, jumpy power, one
/// full-entropy double), times with 1 ms resolution and ±2 ms of jitter. adversarial: every value a random finite bit
/// pattern, every time off by up to ±0.4 s at 1 µs resolution: nothing to compress.
enum class Values { realistic, adversarial };

struct WorkloadOptions {
  unsigned devices = 1'000;
  unsigned late_percent = 0;  // of samples, delayed by 1–120 s
  Values values = Values::realistic;
  std::int64_t start_us = kStartUs;
  std::uint64_t seed = 7;
};

/// All series of a device at one instant.
struct Sample {
  unsigned device = 0;  // 0 … devices−1
  std::int64_t time_us = 0;
  std::array<double, kSeriesPerDevice> values{};
};

/// Samples in order of arrival, one second of all devices at a time; one thread. Times of a device are ascending but
/// for late samples.
class Workload {
 public:
  explicit Workload(WorkloadOptions options);

  /// What arrives in the next second: every device's sample but those delayed, then the delayed that are due.
  std::vector<Sample> next_second();
  /// What is still delayed, in order of arrival; nothing is left after it.
  std::vector<Sample> rest();

 private:
  struct Delayed {
    std::int64_t due = 0;  // second of arrival
    std::uint64_t order = 0;
    Sample sample;
  };
  Sample make(unsigned device);
  double realistic(unsigned device, unsigned series);
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  double noise();

  WorkloadOptions options_;
  std::mt19937_64 random_;
  std::int64_t second_ = 0;
  std::uint64_t delayed_count_ = 0;
  std::vector<double> state_;     // one a series
  std::vector<Delayed> delayed_;  // a heap, the earliest due on top
};

}  // namespace bench
