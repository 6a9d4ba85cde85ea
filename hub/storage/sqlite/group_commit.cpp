#include "hub/storage/sqlite/group_commit.h"

#include <pthread.h>

#include <chrono>
#include <future>

#include "hub/storage/sqlite/journal_codec.h"

namespace hub::sqlite {
namespace {

constexpr std::size_t kMaxTasks = 4'096;
constexpr std::chrono::seconds kSpaceLook{1};

}  // namespace

GroupCommit::GroupCommit(CommitLimits limits, const base::Clock& clock, DataFolder folder, Journal& journal,
                         StreamCursors cursors, const LatestTable& latest, const Tail& tail, CommitNumber head,
                         std::function<void(const CommitPtr&)> publish)
    : limits_(limits),
      clock_(clock),
      folder_(std::move(folder)),
      journal_(journal),
      latest_(latest),
      tail_(tail),
      publish_(std::move(publish)),
      head_(head),
      cursors_(std::move(cursors)) {}

GroupCommit::~GroupCommit() {
  stop();
}

void GroupCommit::start() {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "journal");
}

errc GroupCommit::refusal(std::size_t bytes) const {
  if (ending_ || fatal_) return errc::unavailable;
  const std::size_t waiting = queued_bytes_ + committing_bytes_;
  if (waiting > 0 && waiting + bytes > limits_.pending_max_bytes) return errc::busy;
  if (tail_.bytes() > limits_.tail_max_bytes) return errc::busy;
  return errc::ok;
}

void GroupCommit::submit(StoredFrame frame, Reply<AppendResult> reply) {
  const std::size_t bytes = frame.size_bytes();
  errc refused;
  {
    const std::lock_guard lock(mutex_);
    refused = refusal(bytes);
    if (refused == errc::ok) {
      queue_.push_back({std::move(frame), std::move(reply), bytes});
      queued_bytes_ += bytes;
      if (committing_bytes_ > 0) arrived_during_commit_ = true;
    }
  }
  if (refused != errc::ok) return reply(error_code(refused));
  wake_.notify_one();
}

void GroupCommit::cursors(std::vector<StreamKey> streams, Reply<std::vector<std::uint64_t>> reply) {
  errc refused = errc::ok;
  {
    const std::lock_guard lock(mutex_);
    if (ending_) {
      refused = errc::unavailable;
    } else if (tasks_.size() >= kMaxTasks) {
      refused = errc::busy;
    } else {
      tasks_.push_back([this, streams = std::move(streams), reply] {
        std::vector<std::uint64_t> sequences;
        for (const auto& stream : streams) {
          const auto cursor = cursors_.find_durable(stream);
          if (!cursor) return reply(cursor.error());
          sequences.push_back(cursor->sequence);
        }
        reply(std::move(sequences));
      });
    }
  }
  if (refused != errc::ok) return reply(error_code(refused));
  wake_.notify_one();
}

CommitNumber GroupCommit::rotate() {
  std::promise<CommitNumber> done;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return head_;
    tasks_.push_back([&] {
      journal_.rotate();
      done.set_value(head_);
    });
  }
  wake_.notify_one();
  return done.get_future().get();
}

void GroupCommit::fail(std::string why) {
  set_failure(std::move(why), true);
}

void GroupCommit::stop() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void GroupCommit::report(StoreStatus& status) const {
  status.head.commit = head_;
  status.readings_stored = readings_stored_;
  status.frames_stored = frames_stored_;
  status.frames_duplicate = frames_duplicate_;
  status.commits = commits_;
  const std::lock_guard lock(mutex_);
  status.failure = failure_;
  status.fatal = fatal_;
}

void GroupCommit::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto something = [this] { return ending_ || !queue_.empty() || !tasks_.empty(); };
    if (!low_on_space_) {
      wake_.wait(lock, something);
    } else if (!wake_.wait_for(lock, kSpaceLook, something)) {
      lock.unlock();
      (void)has_space();
      lock.lock();
      continue;
    }
    if (!tasks_.empty()) {
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
      continue;
    }
    if (queue_.empty()) {
      ended_ = true;
      return;
    }
    wait_for_company(lock);
    auto group = take_group();
    lock.unlock();
    commit(std::move(group));
    lock.lock();
    committing_bytes_ = 0;
  }
}

void GroupCommit::wait_for_company(std::unique_lock<std::mutex>& lock) {
  // What gathered behind the last fsync is a group already: waiting would only add to its age.
  if (!arrived_during_commit_ && limits_.window_us > 0) {
    wake_.wait_for(lock, std::chrono::microseconds(limits_.window_us),
                   [this] { return ending_ || queued_bytes_ >= limits_.commit_max_bytes; });
  }
  arrived_during_commit_ = false;
}

std::vector<GroupCommit::Submission> GroupCommit::take_group() {
  std::vector<Submission> group;
  while (!queue_.empty() && (group.empty() || committing_bytes_ < limits_.commit_max_bytes)) {
    committing_bytes_ += queue_.front().bytes;
    queued_bytes_ -= queue_.front().bytes;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  if (!queue_.empty()) arrived_during_commit_ = true;
  return group;
}

void GroupCommit::commit(std::vector<Submission> group) {
  const CommitNumber number = head_ + 1;
  std::vector<Verdict> verdicts(group.size());
  std::vector<StoredFrame> accepted;
  bool fatal;
  {
    const std::lock_guard lock(mutex_);
    fatal = fatal_;
  }
  error_code error;
  if (fatal || !has_space()) error = errc::unavailable;
  for (std::size_t i = 0; i < group.size() && !error; ++i) {
    auto verdict = decide(group[i].frame, number, accepted);
    if (verdict) {
      verdicts[i] = std::move(*verdict);
    } else {
      error = verdict.error();
      cursors_.drop_staged();
    }
  }
  group_types_.clear();
  if (!error && !accepted.empty()) error = store(number, accepted);
  for (std::size_t i = 0; i < group.size(); ++i) {
    auto& verdict = verdicts[i];
    if (error && verdict.needs_commit) {
      verdict.result = error;
    } else if (verdict.result) {
      if (error) verdict.result->stored = verdict.durable_sequence;
      if (verdict.result->duplicate) ++frames_duplicate_;
    }
    group[i].reply(std::move(verdict.result));
  }
}

Result<GroupCommit::Verdict> GroupCommit::decide(StoredFrame& frame, CommitNumber number,
                                                 std::vector<StoredFrame>& accepted) {
  Verdict verdict;
  if (!is_well_formed(frame) || !types_fit(frame)) {
    verdict.result = error_code(errc::invalid_argument);
    verdict.needs_commit = false;
    return verdict;
  }
  const auto durable = cursors_.find_durable(frame.stream);
  if (!durable) return Result<Verdict>(boost::system::in_place_error, durable.error());
  auto cursor = cursors_.find(frame.stream);
  if (!cursor) return Result<Verdict>(boost::system::in_place_error, cursor.error());
  verdict.durable_sequence = durable->sequence;
  verdict.needs_commit = frame.last_sequence > durable->sequence;
  const CommitNumber known_since = cursor->commit;
  switch (admit(frame, *cursor, number)) {
    case Admission::ahead:
      verdict.result = error_code(errc::conflict);
      verdict.needs_commit = false;
      return verdict;
    case Admission::duplicate:
      verdict.result = AppendResult{0, cursor->sequence, true};
      return verdict;
    case Admission::stored:
      break;
  }
  cursors_.stage(frame.stream, *cursor);
  explain_gaps(frame, known_since, restore_);
  for (auto& gap : frame.gaps) gap.device = frame.stream.device;
  for (const auto& column : frame.columns) group_types_[column.series] = type_of(column.values);
  group_by_times(frame);
  verdict.result = AppendResult{number, cursor->sequence, false};
  accepted.push_back(std::move(frame));
  return verdict;
}

bool GroupCommit::types_fit(const StoredFrame& frame) {
  std::unordered_map<SeriesId, ValueType> here;
  for (const auto& column : frame.columns) {
    const ValueType type = type_of(column.values);
    const auto in_group = group_types_.find(column.series);
    const auto known =
        in_group != group_types_.end() ? std::optional(in_group->second) : latest_.type_of(column.series);
    if (known && *known != type) return false;
    if (here.emplace(column.series, type).first->second != type) return false;
  }
  return true;
}

error_code GroupCommit::store(CommitNumber number, std::vector<StoredFrame>& accepted) {
  const std::int64_t now_us = clock_.now_us();
  const std::string body = encode_journal_row(accepted);
  if (auto failure = journal_.append(number, now_us, body)) {
    cursors_.drop_staged();
    set_failure(failure->text, failure->fatal);
    // Locks, missing files and the like pass; the device tries again.
    return failure->fatal ? failure->error : error_code(errc::unavailable);
  }
  cursors_.keep_staged();
  if (const CommitNumber sealed = sealed_through_; sealed != cursors_forgotten_) {
    cursors_.forget_sealed(sealed);
    cursors_forgotten_ = sealed;
  }
  set_failure({}, false);
  const auto commit = make_commit(number, now_us, std::move(accepted));
  for (const auto& frame : commit->frames) readings_stored_ += frame.reading_count();
  frames_stored_ += commit->frames.size();
  ++commits_;
  publish_(commit);
  head_ = number;
  if (listener_) listener_(commit);
  return {};
}

bool GroupCommit::has_space() {
  const std::uint64_t free = folder_.free_bytes();
  if (free < limits_.low_water_bytes) {
    set_failure("the disk is nearly full: " + std::to_string(free >> 20) + " MB are free in " + folder_.path() +
                    ", below " + std::to_string(limits_.low_water_bytes >> 20) +
                    " MB nothing is stored; free some space and it goes on by itself",
                false);
    low_on_space_ = true;
    return false;
  }
  if (low_on_space_) set_failure({}, false);
  low_on_space_ = false;
  return true;
}

void GroupCommit::set_failure(std::string why, bool fatal) {
  const std::lock_guard lock(mutex_);
  if (fatal_) return;
  failure_ = std::move(why);
  fatal_ = fatal;
}

}  // namespace hub::sqlite
