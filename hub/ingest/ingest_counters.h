// What one core's device sessions have done, and the memory budget all of them share.
#pragma once

#include <atomic>
#include <cstdint>

namespace hub {

struct IngestCounters {  // written on the core, read by /metrics
  std::atomic<std::uint64_t> sessions{0}, frames{0}, readings{0}, duplicates{0}, rejected_frames{0},
      rejected_readings{0}, bytes{0}, rests{0}, hello_timeouts{0};
};

/// Bytes of frames submitted and not yet answered by the store.
struct IngestBudget {
  std::atomic<std::size_t> outstanding_bytes{0};
};

}  // namespace hub
