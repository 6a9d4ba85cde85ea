// Readings that are durable in the journal and not sealed yet, as queries see them.
#pragma once

#include <cstdint>
#include <deque>
#include <shared_mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "hub/core/reading.h"

namespace hub::sqlite {

/// One column of one commit. Nothing is copied out of the commit; the run keeps it alive.
struct TailRun {
  CommitPtr commit;
  const StoredFrame* frame = nullptr;
  const SeriesColumn* column = nullptr;
  std::uint64_t first_index = 0;  // of its first reading among the series' readings in the commit
  std::int64_t first_us = 0, last_us = 0;
};

/// The runs of a commit by series, in the order that numbers their readings.
std::vector<std::pair<SeriesId, TailRun>> runs_of(const CommitPtr& commit);

/// Where a gap stands on the time axis: an unknown end takes the known one's place, and a gap of which neither is known
/// stands where it was received.
struct PlacedGap {
  Gap gap;
  CommitNumber commit = 0;
  std::int64_t received_at_us = 0;
  std::int64_t from_us = 0, to_us = 0;
};
std::vector<PlacedGap> gaps_of(const Commit& commit);

/// Written by the journal thread (append) and the sealer (trim), read by any thread. Bounded by the sealer, and by
/// GroupCommit, which refuses frames when sealing does not keep up.
class Tail {
 public:
  /// `head`: the last commit before the tail.
  explicit Tail(CommitNumber head = 0) : head_(head) {}
  void reset(CommitNumber head);

  void append(const CommitPtr& commit);
  void trim(CommitNumber through);

  struct SeriesCopy {
    std::vector<std::vector<TailRun>> runs;  // of each series
    CommitNumber head = 0;                   // newest commit that the copy reflects
  };
  /// Runs of each series with readings in [from, to), all of one moment.
  SeriesCopy copy(std::span<const SeriesId> series, std::int64_t from_us, std::int64_t to_us) const;
  std::vector<PlacedGap> copy_gaps(const DeviceId& device, std::int64_t from_us, std::int64_t to_us) const;
  std::vector<CommitPtr> commits_through(CommitNumber through) const;
  std::size_t bytes() const;
  bool empty() const;

 private:
  mutable std::shared_mutex mutex_;
  CommitNumber head_ = 0;
  std::size_t bytes_ = 0;
  std::deque<CommitPtr> commits_;
  std::unordered_map<SeriesId, std::vector<TailRun>> series_;
  std::unordered_map<DeviceId, std::vector<PlacedGap>> gaps_;
};

}  // namespace hub::sqlite
