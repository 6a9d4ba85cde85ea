// The newest commits this core has delivered to its live subscriptions.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "hub/core/reading.h"
#include "hub/live/signal.h"

namespace hub::live {

/// Core only. `delivered` is where every live subscription of the core stands. Keeps the last commits (64, 8 MB; they
/// are shared with the store's tail) so that the last step of a catch-up needs no question to the store.
class RecentCommits {
 public:
  static constexpr std::size_t kMaxCommits = 64;
  static constexpr std::size_t kMaxBytes = 8 * 1024 * 1024;

  explicit RecentCommits(boost::asio::any_io_executor executor) : moved_(std::move(executor)) {}

  CommitNumber delivered() const { return delivered_; }
  std::int64_t committed_at_us() const { return committed_at_us_; }

  void add(const CommitPtr& commit) {
    commits_.push_back(commit);
    bytes_ += commit->size_bytes;
    while (commits_.size() > 1 && (commits_.size() > kMaxCommits || bytes_ > kMaxBytes)) {
      bytes_ -= commits_.front()->size_bytes;
      commits_.pop_front();
    }
    delivered_ = commit->number;
    committed_at_us_ = commit->committed_at_us;
    moved_.notify();
  }
  /// Commits were missed: what is known begins anew behind `number`.
  void jump(CommitNumber number) {
    commits_.clear();
    bytes_ = 0;
    delivered_ = number;
    moved_.notify();
  }
  /// Those after `after` up to delivered(); nothing where they are not all here.
  std::optional<std::vector<CommitPtr>> after(CommitNumber after) const {
    std::vector<CommitPtr> found;
    if (after >= delivered_) return found;
    if (commits_.empty() || commits_.front()->number > after + 1) return std::nullopt;
    for (const auto& commit : commits_) {
      if (commit->number > after) found.push_back(commit);
    }
    return found;
  }
  /// Notified whenever delivered() moves.
  Signal& moved() { return moved_; }

 private:
  Signal moved_;
  CommitNumber delivered_ = 0;
  std::int64_t committed_at_us_ = 0;
  std::deque<CommitPtr> commits_;
  std::size_t bytes_ = 0;
};

}  // namespace hub::live
