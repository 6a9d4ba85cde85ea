#include "hub/storage/sqlite/commit_window.h"

#include <mutex>

namespace hub::sqlite {

void CommitWindow::append(const CommitPtr& commit) {
  std::vector<CommitPtr> dropped;  // freed after the lock is
  const std::unique_lock lock(mutex_);
  commits_.push_back(commit);
  bytes_ += commit->size_bytes;
  while (commits_.size() > 1 &&
         (bytes_ > max_bytes_ || commit->committed_at_us - commits_.front()->committed_at_us > max_age_us_)) {
    bytes_ -= commits_.front()->size_bytes;
    dropped.push_back(std::move(commits_.front()));
    commits_.pop_front();
  }
}

std::optional<std::vector<CommitPtr>> CommitWindow::read(CommitNumber after, std::size_t max_bytes) const {
  const std::shared_lock lock(mutex_);
  if (commits_.empty() || after + 1 < commits_.front()->number) return std::nullopt;
  std::vector<CommitPtr> commits;
  std::size_t bytes = 0;
  for (auto i = static_cast<std::size_t>(after + 1 - commits_.front()->number);
       i < commits_.size() && (bytes < max_bytes || commits.empty()); ++i) {
    commits.push_back(commits_[i]);
    bytes += commits_[i]->size_bytes;
  }
  return commits;
}

}  // namespace hub::sqlite
