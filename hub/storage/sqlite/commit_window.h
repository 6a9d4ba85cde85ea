// The newest commits one by one, in memory, for consumers that follow the journal.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <shared_mutex>
#include <vector>

#include "hub/core/reading.h"

namespace hub::sqlite {

/// Holds at most `max_bytes` and nothing committed more than `max_age_us` before the newest; what falls out is read
/// from the journal's files. Commits are shared with the tail, so most of this costs nothing extra.
class CommitWindow {
 public:
  CommitWindow(std::size_t max_bytes, std::int64_t max_age_us) : max_bytes_(max_bytes), max_age_us_(max_age_us) {}
  void append(const CommitPtr& commit);
  /// Nothing where `after` is older than what is held.
  std::optional<std::vector<CommitPtr>> read(CommitNumber after, std::size_t max_bytes) const;

 private:
  const std::size_t max_bytes_;
  const std::int64_t max_age_us_;
  mutable std::shared_mutex mutex_;
  std::size_t bytes_ = 0;
  std::deque<CommitPtr> commits_;
};

}  // namespace hub::sqlite
