#include "hub/storage/sqlite/tail.h"

#include <algorithm>
#include <mutex>

namespace hub::sqlite {

std::vector<std::pair<SeriesId, TailRun>> runs_of(const CommitPtr& commit) {
  std::vector<std::pair<SeriesId, TailRun>> runs;
  std::size_t columns = 0;
  for (const auto& frame : commit->frames) columns += frame.columns.size();
  runs.reserve(columns);
  std::unordered_map<SeriesId, std::uint64_t> counted;
  counted.reserve(columns);
  for (const auto& frame : commit->frames) {
    for (const auto& column : frame.columns) {
      auto& index = counted[column.series];
      const auto [low, high] = std::minmax_element(column.times->begin(), column.times->end());
      runs.emplace_back(column.series, TailRun{commit, &frame, &column, index, *low, *high});
      index += column.times->size();
    }
  }
  return runs;
}

std::vector<PlacedGap> gaps_of(const Commit& commit) {
  std::vector<PlacedGap> gaps;
  for (const auto& frame : commit.frames) {
    for (const auto& gap : frame.gaps) {
      const std::int64_t from = gap.from_us != 0 ? gap.from_us : gap.to_us != 0 ? gap.to_us : frame.received_at_us;
      const std::int64_t to = gap.to_us != 0 ? gap.to_us : from;
      gaps.push_back({gap, commit.number, frame.received_at_us, std::min(from, to), std::max(from, to)});
    }
  }
  return gaps;
}

void Tail::reset(CommitNumber head) {
  const std::unique_lock lock(mutex_);
  head_ = head;
}

void Tail::append(const CommitPtr& commit) {
  auto runs = runs_of(commit);
  auto gaps = gaps_of(*commit);
  const std::unique_lock lock(mutex_);
  for (auto& [series, run] : runs) series_[series].push_back(std::move(run));
  for (auto& gap : gaps) gaps_[gap.gap.device].push_back(std::move(gap));
  commits_.push_back(commit);
  bytes_ += commit->size_bytes;
  head_ = commit->number;
}

void Tail::trim(CommitNumber through) {
  std::vector<CommitPtr> dropped;  // freed after the lock is
  const std::unique_lock lock(mutex_);
  for (auto it = series_.begin(); it != series_.end();) {
    auto& runs = it->second;
    const auto keep =
        std::find_if(runs.begin(), runs.end(), [&](const TailRun& run) { return run.commit->number > through; });
    runs.erase(runs.begin(), keep);
    it = runs.empty() ? series_.erase(it) : std::next(it);
  }
  for (auto it = gaps_.begin(); it != gaps_.end();) {
    std::erase_if(it->second, [&](const PlacedGap& gap) { return gap.commit <= through; });
    it = it->second.empty() ? gaps_.erase(it) : std::next(it);
  }
  while (!commits_.empty() && commits_.front()->number <= through) {
    bytes_ -= commits_.front()->size_bytes;
    dropped.push_back(std::move(commits_.front()));
    commits_.pop_front();
  }
}

Tail::SeriesCopy Tail::copy(std::span<const SeriesId> series, std::int64_t from_us, std::int64_t to_us) const {
  SeriesCopy copy;
  copy.runs.resize(series.size());
  const std::shared_lock lock(mutex_);
  copy.head = head_;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const auto it = series_.find(series[i]);
    if (it == series_.end()) continue;
    for (const auto& run : it->second) {
      if (run.first_us < to_us && run.last_us >= from_us) copy.runs[i].push_back(run);
    }
  }
  return copy;
}

std::vector<PlacedGap> Tail::copy_gaps(const DeviceId& device, std::int64_t from_us, std::int64_t to_us) const {
  std::vector<PlacedGap> copy;
  const std::shared_lock lock(mutex_);
  if (const auto it = gaps_.find(device); it != gaps_.end()) {
    for (const auto& gap : it->second) {
      if (gap.from_us < to_us && gap.to_us >= from_us) copy.push_back(gap);
    }
  }
  return copy;
}

std::vector<CommitPtr> Tail::commits_through(CommitNumber through) const {
  const std::shared_lock lock(mutex_);
  std::vector<CommitPtr> commits;
  for (const auto& commit : commits_) {
    if (commit->number > through) break;
    commits.push_back(commit);
  }
  return commits;
}

std::size_t Tail::bytes() const {
  const std::shared_lock lock(mutex_);
  return bytes_;
}

bool Tail::empty() const {
  const std::shared_lock lock(mutex_);
  return commits_.empty();
}

}  // namespace hub::sqlite
