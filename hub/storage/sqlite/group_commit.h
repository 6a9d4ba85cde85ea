// Commits frames to the journal in groups, one fsync a group, and decides which were stored before.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "hub/storage/readings_store.h"
#include "hub/storage/sqlite/data_folder.h"
#include "hub/storage/sqlite/journal.h"
#include "hub/storage/sqlite/latest_table.h"
#include "hub/storage/sqlite/stream_cursors.h"
#include "hub/storage/sqlite/tail.h"

namespace hub::sqlite {

struct CommitLimits {
  std::size_t pending_max_bytes = 0;  // waiting and being committed; past it errc::busy
  std::size_t commit_max_bytes = 0;   // a group closes here
  std::int64_t window_us = 0;         // how long a lone frame waits for company
  std::size_t tail_max_bytes = 0;     // hard: past it sealing does not keep up, and errc::busy
  std::uint64_t low_water_bytes = 0;  // of free disk; below it errc::unavailable
};

/// Owns the journal thread. A commit becomes visible in this order: durable, `publish` (tail and the like), head,
/// listener, replies. A group that arrived during the last commit goes at once; otherwise the first frame waits a
/// window for company.
/// Failures: a full disk refuses frames until there is room again (looked at with each group and each second); an I/O
/// error refuses them for good, since what the disk holds is then unknown: restart and replay.
/// `stop` commits what is pending and answers everything; after it, all is refused on the caller's thread.
class GroupCommit {
 public:
  GroupCommit(CommitLimits limits, const base::Clock& clock, DataFolder folder, Journal& journal, StreamCursors cursors,
              const LatestTable& latest, const Tail& tail, CommitNumber head,
              std::function<void(const CommitPtr&)> publish);
  ~GroupCommit();

  void start();
  void submit(StoredFrame frame, Reply<AppendResult> reply);
  void cursors(std::vector<StreamKey> streams, Reply<std::vector<std::uint64_t>> reply);
  /// Ends the journal's segment and answers the head. Blocks; for the seal thread.
  CommitNumber rotate();
  /// From here on cursors of commits up to this one may be forgotten.
  void set_sealed_through(CommitNumber commit) { sealed_through_ = commit; }
  /// Before start().
  void set_restore_point(const RestorePoint& restore) { restore_ = restore; }
  void on_commit(std::function<void(const CommitPtr&)> listener) { listener_ = std::move(listener); }
  /// Refuses everything from now on.
  void fail(std::string why);
  void stop();

  CommitNumber head() const { return head_; }
  void report(StoreStatus& status) const;

 private:
  struct Submission {
    StoredFrame frame;
    Reply<AppendResult> reply;
    std::size_t bytes = 0;
  };
  /// What becomes of a submission if the group's commit succeeds, and what else.
  struct Verdict {
    Result<AppendResult> result = AppendResult{};
    std::uint64_t durable_sequence = 0;
    bool needs_commit = true;  // false: stands even if the group's commit fails
  };

  void run();
  void wait_for_company(std::unique_lock<std::mutex>& lock);
  std::vector<Submission> take_group();
  void commit(std::vector<Submission> group);
  /// An error: its stream's cursor could not be read, and nothing can be decided.
  Result<Verdict> decide(StoredFrame& frame, CommitNumber number, std::vector<StoredFrame>& accepted);
  bool types_fit(const StoredFrame& frame);
  /// The error of a group that could not be committed, nothing where it could.
  error_code store(CommitNumber number, std::vector<StoredFrame>& accepted);
  bool has_space();
  void set_failure(std::string why, bool fatal);
  errc refusal(std::size_t bytes) const;  // with mutex_ held

  const CommitLimits limits_;
  const base::Clock& clock_;
  const DataFolder folder_;
  Journal& journal_;
  const LatestTable& latest_;
  const Tail& tail_;
  const std::function<void(const CommitPtr&)> publish_;
  std::function<void(const CommitPtr&)> listener_;
  std::atomic<CommitNumber> head_;
  std::atomic<CommitNumber> sealed_through_{0};

  // Journal thread only.
  StreamCursors cursors_;
  RestorePoint restore_;
  CommitNumber cursors_forgotten_ = 0;
  bool low_on_space_ = false;
  std::unordered_map<SeriesId, ValueType> group_types_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false, ended_ = false, arrived_during_commit_ = false;
  std::size_t queued_bytes_ = 0, committing_bytes_ = 0;
  std::deque<Submission> queue_;
  std::deque<std::function<void()>> tasks_;  // at most 4,096 cursor queries
  std::string failure_;
  bool fatal_ = false;

  std::atomic<std::uint64_t> readings_stored_{0}, frames_stored_{0}, frames_duplicate_{0}, commits_{0};
  std::thread thread_;
};

}  // namespace hub::sqlite
