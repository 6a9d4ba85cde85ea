// The store of readings, as everyone but its engine sees it. No files, no SQL, no Asio in here.
// Engines: sqlite/ (journal segments, recent.db, partitions). tests/contract runs one suite over every engine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/reading.h"
#include "hub/storage/cancellation.h"

namespace hub {

template <class T>
using Reply = std::function<void(Result<T>)>;

/// What became of a submitted frame. Answered only after the group commit holding it is durable.
struct AppendResult {
  CommitNumber commit = 0;   // 0: the whole submission was stored before
  std::uint64_t stored = 0;  // the stream's cursor now: cumulative, to be acknowledged
  bool duplicate = false;
};

struct RawQuery {
  SeriesId series{};
  std::int64_t from_us = 0, to_us = 0;  // [from, to)
  std::uint32_t limit = 100'000;        // at most 100,000 a page
  /// Continue after the last reading of the page before.
  std::optional<std::string> cursor;
  Cancellation cancellation{};
};
struct RawPage {
  ValueType type{};
  std::vector<std::int64_t> times_us;  // ordered by (time, commit, index within commit)
  ValueColumn values;
  std::optional<std::string> next;  // present where there is more
  CommitNumber as_of = 0;
};

/// Bucket i covers [from + floor(i·(to−from)/width), from + floor((i+1)·(to−from)/width)); empty buckets are left out.
struct BucketQuery {
  SeriesId series{};
  std::int64_t from_us = 0, to_us = 0;
  std::uint32_t width = 0;  // 1 … 20,000
  Cancellation cancellation{};
};
struct Buckets {
  ValueType type{};
  std::vector<std::uint32_t> index;
  std::vector<std::uint32_t> count;
  std::vector<double> minimum, maximum, sum;  // numbers; booleans: 0/1 (sum = true count); else empty
  ValueColumn first, last;
  CommitNumber as_of = 0;
};

/// Several series over one range. At most 1,000 series, and 500,000 buckets in all: past it errc::too_large.
struct ManyBucketsQuery {
  std::vector<SeriesId> series;
  std::int64_t from_us = 0, to_us = 0;
  std::uint32_t width = 0;  // 1 … 20,000
  Cancellation cancellation;
};
inline constexpr std::size_t kMaxSeriesAtOnce = 1'000, kMaxBucketsAtOnce = 500'000;

struct LatestReading {
  SeriesId series{};
  std::int64_t time_us = 0;
  Value value;
  CommitNumber commit = 0;  // it came with; 0 where the store was opened behind it
};

struct GapQuery {
  DeviceId device;
  std::vector<SeriesId> series;  // empty: all of the device; device-wide gaps always included
  std::int64_t from_us = 0, to_us = 0;
  Cancellation cancellation{};
};

/// Known once a day is over. Estimates; not more exact than the days are alike.
struct StorageForecast {
  double bytes_per_day = 0;
  std::optional<double> days_left;  // until ingest rests; nothing: retention keeps the disk from filling
};

struct StoreStatus {
  Position head;
  CommitNumber sealed_through = 0;
  std::uint64_t journal_bytes = 0, recent_bytes = 0, tail_bytes = 0;
  std::uint64_t readings_stored = 0, frames_stored = 0, frames_duplicate = 0, commits = 0, fsyncs = 0;
  std::uint64_t seals = 0, seals_postponed = 0;  // postponed: for want of room, to be tried again
  std::uint64_t partitions = 0, partition_bytes = 0, compactions = 0;
  std::optional<StorageForecast> forecast;
  bool retention_halted = false;       // old readings stay: the clock is not synchronised, or has jumped
  CommitNumber compacted_through = 0;  // of what is sealed up to here, nothing waits to be compacted
  std::uint64_t reserve_bytes = 0;     // room kept for a full disk
  bool reserve_given_up = false;       // and needed: the disk is full, or was
  std::string warning;  // what needs a person and does not stop ingest: files missing, damaged or unknown; empty: none
  std::string failure;  // why ingest is stopped; empty: it is not
  bool fatal = false;   // it stays stopped: exit, and recover by replay at the next start
};

/// Thread-safe. Replies come on the store's own threads: they must not block, only post to where the caller lives. A
/// refusal (busy, unavailable, invalid argument) may come on the calling thread, before the call returns.
/// Append order per caller is kept. After `stop()` every outstanding reply has been called.
class ReadingsStore {
 public:
  virtual ~ReadingsStore() = default;

  /// Commits the frame in a group with others. Duplicates (last_sequence ≤ cursor) answer at once or with the group,
  /// and are not stored; a gap frame that overlaps the cursor is clipped (its counts become at_most). A frame whose
  /// first_sequence is past cursor+1 is refused with errc::conflict and not stored: the session records holes as gap
  /// frames before it, so a conflict means that an earlier frame failed and the device must resend from the cursor.
  /// errc::busy when more than the pending budget (64 MB) waits; errc::unavailable while the disk is full or has
  /// failed.
  virtual void append(StoredFrame frame, Reply<AppendResult> reply) = 0;

  /// Last stored sequence of each stream, in order; 0 where nothing is known.
  virtual void cursors(std::vector<StreamKey> streams, Reply<std::vector<std::uint64_t>> reply) = 0;

  /// Every query ends within the engine's limit (30 s of boot time from here, waiting included): errc::timed_out; and
  /// soon after its cancellation: errc::cancelled. Neither holds up append.
  virtual void query_raw(RawQuery query, Reply<RawPage> reply) = 0;
  virtual void query_buckets(BucketQuery query, Reply<Buckets> reply) = 0;
  /// Each series' buckets, in order, all as of one commit.
  virtual void query_many_buckets(ManyBucketsQuery query, Reply<std::vector<Buckets>> reply) = 0;
  /// The greatest event time of each series, ties by commit; series without readings are left out.
  virtual void latest(std::vector<SeriesId> series, Reply<std::vector<LatestReading>> reply) = 0;
  virtual void gaps(GapQuery query, Reply<std::vector<Gap>> reply) = 0;

  /// Commits after `after`, in order, up to `max_bytes` (at least one if there is one). Empty: `after` is the head.
  /// errc::gone where they are no longer held one by one (older than the retained journal, or of another epoch).
  virtual void read_commits(CommitNumber after, std::size_t max_bytes, Reply<std::vector<CommitPtr>> reply) = 0;

  /// The newest durable commit. Cheap; any thread.
  virtual Position head() const = 0;

  /// Drops readings older than `before_us` (whole chunks only).
  virtual void expire(std::int64_t before_us, Reply<std::uint64_t> reply) = 0;

  /// Called on the journal thread after each commit, in commit order, after it is durable and visible to queries.
  /// Set once, before the first append. Must only hand over.
  virtual void on_commit(std::function<void(const CommitPtr&)> listener) = 0;

  virtual StoreStatus status() const = 0;
  /// Commits what is pending, seals nothing, joins the threads.
  virtual void stop() = 0;
};

}  // namespace hub
