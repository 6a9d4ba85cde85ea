// The half of Stitcher that reads the journal.
#include <algorithm>
#include <boost/asio/steady_timer.hpp>

#include "hub/live/stitcher.h"
#include "wire/run_on.h"

namespace hub::live {
namespace {

constexpr std::size_t kCommitBytes = 1024 * 1024;  // one answer of read_commits
constexpr std::int64_t kGroundIntervalUs = 10'000'000;
constexpr std::chrono::milliseconds kHeadPause{1};
// Messages end between commits, where a viewer can resume, unless one commit alone is larger than so many parts.
constexpr std::size_t kPartsOfACommit = 4;
constexpr std::size_t kRawBytes = 16, kConflatedBytes = 80;  // of one, about

}  // namespace

wire::Awaitable<Stitcher::Step> Stitcher::catch_up() {
  const CommitNumber head = readings_.head().commit;
  // A commit may be seen by queries a moment before the head names it: never ask behind the head.
  if (floor_ >= head && floor_ < even_from_) {
    boost::asio::steady_timer pause(co_await boost::asio::this_coro::executor, kHeadPause);
    co_await pause.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    co_return Step::more;
  }
  if (floor_ >= head) {
    for (const auto& fragment : take_conflated()) {
      assembly_ += *fragment;
      if (const bool ok = co_await send_if_large(); !ok) co_return Step::cancelled;
    }
    if (const bool ok = co_await send_rest(); !ok) co_return Step::cancelled;
    co_return Step::at_head;
  }
  auto start = [this](auto done) {
    readings_.read_commits(floor_, kCommitBytes,
                           [done](Result<std::vector<CommitPtr>> commits) mutable { done(std::move(commits)); });
  };
  const auto commits = co_await wire::await_callback<Result<std::vector<CommitPtr>>>(std::move(start));
  if (!commits) co_return co_await retry(commits.error());
  for (const auto& commit : *commits) {
    if (commit->number <= floor_) continue;
    if (const bool ok = co_await deliver(*commit); !ok) co_return Step::cancelled;
    floor_ = commit->number;
    if (const bool ok = co_await send_if_large(); !ok) co_return Step::cancelled;
  }
  raise(floor_);
  if (!conflate_) {
    if (const bool ok = co_await send_rest(); !ok) co_return Step::cancelled;
  }
  watch_ground(head);
  co_return Step::more;
}

/// During a history: catches up what its finished pieces miss. False: `outcome` says what became of it.
wire::Awaitable<bool> Stitcher::refresh_coverage(Step& outcome) {
  const CommitNumber head = readings_.head().commit;
  CommitNumber at = std::min(lowest(), gaps_floor_);
  while (at < head) {
    auto start = [this, at](auto done) {
      readings_.read_commits(at, kCommitBytes,
                             [done](Result<std::vector<CommitPtr>> commits) mutable { done(std::move(commits)); });
    };
    const auto commits = co_await wire::await_callback<Result<std::vector<CommitPtr>>>(std::move(start));
    if (!commits) {
      outcome = co_await retry(commits.error());
      co_return false;
    }
    for (const auto& commit : *commits) {
      if (commit->number <= at) continue;
      if (const bool ok = co_await deliver(*commit); !ok) {
        outcome = Step::cancelled;
        co_return false;
      }
      at = commit->number;
    }
    raise(at);
  }
  gaps_floor_ = at;
  pages_ = 0;
  raised_us_ = clock_.boot_us();
  co_return true;
}

wire::Awaitable<bool> Stitcher::deliver(const Commit& commit) {
  for (const auto& frame : commit.frames) {
    for (const auto& column : frame.columns) {
      std::vector<ReadingRun> on_time, late;
      deliver_column(column, commit.number, on_time, late);
      const std::size_t count = on_time.size();
      on_time.insert(on_time.end(), late.begin(), late.end());
      for (std::size_t i = 0; i < on_time.size(); ++i) {
        ReadingRun run = on_time[i];
        const std::size_t end = run.end;
        const bool is_late = i >= count;
        if (conflate_ && !is_late) {
          conflator_.fold(run);
          continue;
        }
        while (run.begin < end) {
          run.end = end;
          run.end = run.begin + fitting(run, part_bytes_);
          append_update(assembly_, run, is_late, order_.subscription);
          run.begin = run.end;
          is_mid_commit_ = true;
          if (const bool ok = co_await send_if_large(kPartsOfACommit); !ok) co_return false;
        }
      }
    }
    deliver_gaps(frame);
  }
  is_mid_commit_ = false;
  co_return true;
}

/// The runs of a column that this subscription still misses.
void Stitcher::deliver_column(const SeriesColumn& column, CommitNumber commit, std::vector<ReadingRun>& on_time,
                              std::vector<ReadingRun>& late) {
  Series* series = find(column.series);
  if (series == nullptr || series->coverage.empty()) return;
  const auto& times = *column.times;
  auto told = snapshot_.find(column.series);
  std::vector<ReadingRun>* last = nullptr;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const std::int64_t time = times[i];
    if (!series->coverage.misses(time, commit)) {
      last = nullptr;
      continue;
    }
    // The snapshot may have been taken behind this commit: it told this reading already. (Of equal ones in one commit
    // it does not matter which is told by what.)
    if (told != snapshot_.end() && told->second.commit == commit && told->second.time_us == time &&
        told->second.value == value_at(column.values, i)) {
      snapshot_.erase(told);
      told = snapshot_.end();
      last = nullptr;
      continue;
    }
    auto* const runs = time < series->newest_us ? &late : &on_time;
    if (runs != last) runs->push_back({column.series, times, &column.values, i, i});
    ++runs->back().end;
    last = runs;
    series->newest_us = std::max(series->newest_us, time);
  }
}

void Stitcher::deliver_gaps(const StoredFrame& frame) {
  for (const auto& gap : frame.gaps) {
    const bool concerns = raw(gap.series) != 0
                              ? find(gap.series) != nullptr
                              : std::find(devices_.begin(), devices_.end(), gap.device) != devices_.end();
    if (concerns) append_gap(assembly_, gap);
  }
}

std::string Stitcher::catch_up_with(const std::vector<CommitPtr>& commits) {
  for (const auto& commit : commits) {
    for (const auto& frame : commit->frames) {
      for (const auto& column : frame.columns) {
        std::vector<ReadingRun> on_time, late;
        deliver_column(column, commit->number, on_time, late);
        for (const auto& run : on_time) {
          if (conflate_) {
            conflator_.fold(run);
          } else {
            append_update(assembly_, run, false, order_.subscription);
          }
        }
        for (const auto& run : late) append_update(assembly_, run, true, order_.subscription);
      }
      deliver_gaps(frame);
    }
    floor_ = commit->number;
  }
  raise(floor_);
  for (const auto& fragment : take_conflated()) assembly_ += *fragment;
  std::string message;
  message.swap(assembly_);
  return message;
}

std::vector<Fragment> Stitcher::take_conflated() {
  std::vector<Fragment> fragments;
  conflator_.drain(order_.subscription, [&](SeriesId, const Fragment& fragment) { fragments.push_back(fragment); });
  return fragments;
}

CommitNumber Stitcher::lowest() const {
  CommitNumber least = readings_.head().commit;
  for (const auto& series : series_) {
    if (!series.coverage.empty()) least = std::min(least, series.coverage.floor());
  }
  return least;
}

CommitNumber Stitcher::highest() const {
  CommitNumber most = 0;
  for (const auto& series : series_) most = std::max(most, series.coverage.ceiling());
  return most;
}

std::size_t Stitcher::estimate(const std::vector<CommitPtr>& commits) const {
  std::size_t bytes = 0;
  for (const auto& commit : commits) {
    for (const auto& frame : commit->frames) {
      for (const auto& column : frame.columns) {
        if (find(column.series) == nullptr) continue;
        bytes += conflate_ ? std::min(column.times->size(), Conflator::kMaxPieces) * kConflatedBytes
                           : column.times->size() * kRawBytes;
        const auto* strings = std::get_if<std::vector<std::string>>(&column.values);
        for (std::size_t i = 0; strings != nullptr && i < strings->size(); ++i) bytes += (*strings)[i].size();
      }
    }
  }
  return bytes;
}

void Stitcher::raise(CommitNumber commit) {
  for (auto& series : series_) series.coverage.raise(commit);
}

void Stitcher::watch_ground(CommitNumber head) {
  const std::int64_t now = clock_.boot_us();
  if (now - ground_us_ < kGroundIntervalUs) return;
  const CommitNumber lag = head - std::min(head, floor_);
  losing_ground_ = ground_lag_ != 0 && lag * 10 > ground_lag_ * 9;
  ground_us_ = now;
  ground_lag_ = lag;
}

}  // namespace hub::live
