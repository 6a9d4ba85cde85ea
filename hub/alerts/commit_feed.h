// Hands commits from the journal thread to control, without a hole and within a bound.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>

#include "hub/core/reading.h"

namespace hub {

/// A queue of the commits after a position, or the knowledge that they must be read from the store. Thread-safe. It is
/// `live` (commits are queued) or not (only the newest number is remembered): it begins not live, becomes live when
/// its reader has caught up, and stops being so when more than `max_bytes` would wait; what is queued then is still
/// taken, the rest is read from the store.
class CommitFeed {
 public:
  explicit CommitFeed(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Journal thread, in commit order. True: the reader must be woken (it is not told again until it took all).
  [[nodiscard]] bool put(const CommitPtr& commit);
  /// The next queued commit; nothing where none waits.
  CommitPtr take();
  /// The reader has everything up to `position`. True: it is live now. False: there is more in the store.
  [[nodiscard]] bool try_go_live(CommitNumber position);
  bool is_live() const;
  /// A number that is stored, from elsewhere (the store's head at the start).
  void saw(CommitNumber number);
  CommitNumber newest() const;

 private:
  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::deque<CommitPtr> queue_;
  std::size_t queued_bytes_ = 0;
  CommitNumber newest_ = 0;
  bool is_live_ = false;
  bool is_reader_awake_ = false;
};

}  // namespace hub
