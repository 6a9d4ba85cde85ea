// Moves readings from journal and tail into recent.db, deletes journal files that nobody needs.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "hub/storage/readings_store.h"
#include "hub/storage/sqlite/journal.h"
#include "hub/storage/sqlite/recent_database.h"
#include "hub/storage/sqlite/reserve_file.h"

namespace hub::sqlite {

struct SealPolicy {
  std::size_t tail_max_bytes = 0;
  std::int64_t interval_us = 0;
  std::uint64_t retained_journal_bytes = 0;
  std::int64_t retained_journal_us = 0;
};

/// Owns the seal thread and with it recent.db's writing connection. Seals when the tail is past its bound or its oldest
/// reading has waited for the interval. A seal is one transaction of recent.db, which says how far it reaches; it is
/// repeated as a whole after a crash and never stores anything twice, because recovery begins where it ended.
/// It looks after the reserve file once a second.
/// A full disk: the reserve is given up, and the seal is tried again every second while the tail grows to its hard
/// bound. An I/O error is fatal: reported once through `on_fatal`, and nothing is sealed any more. `stop` lets a
/// running seal end, starts none.
class Sealer {
 public:
  /// `rotate` ends the journal's segment and answers the newest durable commit.
  Sealer(SealPolicy policy, const base::Clock& clock, std::unique_ptr<RecentDatabase> recent, Journal& journal,
         Tail& tail, ReserveFile& reserve, std::function<CommitNumber()> rotate,
         std::function<void(std::string)> on_fatal);
  ~Sealer();

  /// `on_sealed` is called on the seal thread after each seal.
  void start(std::function<void()> on_sealed);
  /// After a commit, on the journal thread: wakes the thread where a seal is due.
  void nudge();
  /// Work on recent.db, on the seal thread: errc::busy where 16 tasks wait, errc::unavailable after `stop`. Every task
  /// that was taken runs.
  errc post(std::function<void(RecentDatabase&)> task);
  /// The same, waited for, and never refused for being too much: for the one thread that keeps the partitions. An error
  /// but errc::unavailable is as fatal as one in a seal. errc::unavailable after that, and after `stop`.
  Result<void> run(const std::function<Result<void>(RecentDatabase&)>& work);
  void stop();

  CommitNumber sealed_through() const { return sealed_through_; }
  std::uint64_t seals() const { return seals_; }
  std::uint64_t seals_postponed() const { return seals_postponed_; }

 private:
  void loop();
  bool is_due() const;
  void seal();
  Result<void> write(CommitNumber through);
  void fail(const std::string& what, const error_code& error);

  const SealPolicy policy_;
  const base::Clock& clock_;
  const std::unique_ptr<RecentDatabase> recent_;
  Journal& journal_;
  Tail& tail_;
  ReserveFile& reserve_;
  const std::function<CommitNumber()> rotate_;
  const std::function<void(std::string)> on_fatal_;
  std::function<void()> on_sealed_;
  std::atomic<CommitNumber> sealed_through_;
  std::atomic<std::uint64_t> seals_{0}, seals_postponed_{0};
  std::atomic<std::int64_t> tail_since_us_{-1};  // boot time since when the tail is not empty; -1: it is
  bool failed_ = false;                          // seal thread only, as the next
  std::chrono::steady_clock::time_point not_before_{};

  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false, nudged_ = false;
  std::deque<std::function<void(RecentDatabase&)>> tasks_;  // at most 16, and one of `run`
  std::thread thread_;
};

}  // namespace hub::sqlite
