// Commits on their way to control: bounded; what does not fit is read from the store again, by number.
#pragma once

#include <deque>
#include <mutex>
#include <utility>

#include "hub/core/reading.h"

namespace hub {

/// put() from any thread, take() from control. Holds at most 64 MB; a commit that does not fit is dropped, and its
/// number is missing from what take() gives, which the reader sees.
class CommitQueue {
 public:
  /// True: nobody has been told that there is something; schedule a reader.
  bool put(const CommitPtr& commit) {
    const std::lock_guard lock(mutex_);
    if (bytes_ + commit->size_bytes <= kCapacityBytes) {
      bytes_ += commit->size_bytes;
      commits_.push_back(commit);
    }
    return !std::exchange(scheduled_, true);
  }
  std::deque<CommitPtr> take() {
    const std::lock_guard lock(mutex_);
    scheduled_ = false;
    bytes_ = 0;
    return std::exchange(commits_, {});
  }

 private:
  static constexpr std::size_t kCapacityBytes = 64 * 1024 * 1024;
  std::mutex mutex_;
  std::deque<CommitPtr> commits_;
  std::size_t bytes_ = 0;
  bool scheduled_ = false;
};

}  // namespace hub
