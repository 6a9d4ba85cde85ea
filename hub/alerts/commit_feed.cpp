#include "hub/alerts/commit_feed.h"

#include <algorithm>
#include <utility>

namespace hub {

bool CommitFeed::put(const CommitPtr& commit) {
  const std::lock_guard lock(mutex_);
  const bool follows = commit->number == newest_ + 1;
  newest_ = std::max(newest_, commit->number);
  if (!is_live_) return false;
  if (!follows || queued_bytes_ + commit->size_bytes > max_bytes_) {
    is_live_ = false;
  } else {
    queue_.push_back(commit);
    queued_bytes_ += commit->size_bytes;
  }
  return !std::exchange(is_reader_awake_, true);
}

CommitPtr CommitFeed::take() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) {
    is_reader_awake_ = false;
    return nullptr;
  }
  auto commit = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= commit->size_bytes;
  return commit;
}

bool CommitFeed::try_go_live(CommitNumber position) {
  const std::lock_guard lock(mutex_);
  if (position < newest_ || !queue_.empty()) return false;
  newest_ = position;
  is_live_ = true;
  return true;
}

bool CommitFeed::is_live() const {
  const std::lock_guard lock(mutex_);
  return is_live_;
}

void CommitFeed::saw(CommitNumber number) {
  const std::lock_guard lock(mutex_);
  newest_ = std::max(newest_, number);
}

CommitNumber CommitFeed::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

}  // namespace hub
