// The shared workload in frames, as devices send it.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/bench/storage/engine.h"
#include "tests/bench/workload.h"

namespace bench {

/// In frames that are to be stored quickly, not as they would come.
inline constexpr std::size_t kBulkInstants = 600;

struct FrameOptions {
  std::size_t instants = 10;     // a frame is sent when a device has so many samples
  unsigned first_device = 0;     // number of the workload's first
  std::vector<unsigned> series;  // which of a device's; empty: all
};

/// Gathers samples by device. One thread.
class FrameMaker {
 public:
  FrameMaker(WorkloadOptions workload, FrameOptions options);

  /// The frames that fill up within so many seconds, in the order in which they do.
  std::vector<Frame> next(std::uint64_t seconds);
  /// Delayed samples and frames that are not full; nothing is left after it.
  std::vector<Frame> rest();

 private:
  void add(const Sample& sample, std::vector<Frame>& done);
  Frame empty(unsigned device) const;

  Workload workload_;
  FrameOptions options_;
  std::vector<Frame> open_;  // one a device
};

std::size_t count_readings(const std::vector<Frame>& frames);

}  // namespace bench
