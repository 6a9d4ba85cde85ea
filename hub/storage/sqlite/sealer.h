// Moves readings from journal and tail into recent.db, deletes journal files that nobody needs, expires old chunks.
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
/// A full disk: the seal is tried again every second while the tail grows to its hard bound. An I/O error is fatal:
/// reported once through `on_fatal`, and nothing is sealed any more. `stop` lets a running seal end, starts none.
class Sealer {
 public:
  /// `rotate` ends the journal's segment and answers the newest durable commit.
  Sealer(SealPolicy policy, const base::Clock& clock, std::unique_ptr<RecentDatabase> recent, Journal& journal,
         Tail& tail, std::function<CommitNumber()> rotate, std::function<void(std::string)> on_fatal);
  ~Sealer();

  void start();
  /// After a commit, on the journal thread: wakes the thread where a seal is due.
  void nudge();
  void expire(std::int64_t before_us, Reply<std::uint64_t> reply);
  void stop();

  CommitNumber sealed_through() const { return sealed_through_; }
  std::uint64_t seals() const { return seals_; }

 private:
  void run();
  bool is_due() const;
  void seal();
  Result<void> write(CommitNumber through);
  Result<std::uint64_t> expire_now(std::int64_t before_us);

  const SealPolicy policy_;
  const base::Clock& clock_;
  const std::unique_ptr<RecentDatabase> recent_;
  Journal& journal_;
  Tail& tail_;
  const std::function<CommitNumber()> rotate_;
  const std::function<void(std::string)> on_fatal_;
  std::atomic<CommitNumber> sealed_through_;
  std::atomic<std::uint64_t> seals_{0};
  std::atomic<std::int64_t> tail_since_us_{-1};  // boot time since when the tail is not empty; -1: it is
  bool failed_ = false;                          // seal thread only, as the next
  std::chrono::steady_clock::time_point not_before_{};

  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false, nudged_ = false;
  struct Expiry {
    std::int64_t before_us = 0;
    Reply<std::uint64_t> reply;
  };
  std::deque<Expiry> expiries_;  // at most 16; past that errc::busy
  std::thread thread_;
};

}  // namespace hub::sqlite
