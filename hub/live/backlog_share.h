// How much may wait for one viewer, by how much waits for all.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace hub::live {

/// Of one core. The more of `total_bytes` is taken, the less each viewer may have waiting: `each_bytes` while there is
/// plenty, a 64th of what is free past that, never less than `least_bytes`, which one part of a history needs. So
/// however many stall, together they stay below the total and what the least of each comes to, and those who read,
/// whose backlog is small, notice nothing. (Dynamic thresholds as in the buffers of switches: Choudhury and Hahne,
/// 1998.)
class BacklogShare {
 public:
  BacklogShare(std::size_t total_bytes, std::size_t each_bytes, std::size_t least_bytes)
      : total_(total_bytes), each_(each_bytes), least_(std::min(least_bytes, each_bytes)) {}

  /// Core only. One viewer's backlog was `before` when it was last told, and is `now`.
  void changed(std::size_t before, std::size_t now) {
    used_.store(used_.load(std::memory_order_relaxed) - before + now, std::memory_order_relaxed);
  }
  std::size_t limit() const {
    const std::size_t used = used_bytes();
    return std::clamp((total_ > used ? total_ - used : 0) / kShares, least_, each_);
  }
  std::size_t used_bytes() const { return used_.load(std::memory_order_relaxed); }  // any thread

 private:
  static constexpr std::size_t kShares = 64;
  const std::size_t total_, each_, least_;
  std::atomic<std::size_t> used_{0};
};

}  // namespace hub::live
