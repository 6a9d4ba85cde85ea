// How far each stream (device, epoch, lane) has been stored: what tells a resent frame from a new one.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>

#include "hub/core/errc.h"
#include "hub/core/reading.h"

namespace hub::sqlite {

struct StreamCursor {
  std::uint64_t sequence = 0;  // last stored; 0: nothing
  CommitNumber commit = 0;     // that wrote this
};

/// Journal thread only. Cursors live as long as their device and every agent start adds some, so not all are in memory:
/// those not sealed yet are, the others are read from recent.db when asked for, and kept while there are fewer than
/// `max_cached`.
class StreamCursors {
 public:
  using Lookup = std::function<Result<StreamCursor>(const StreamKey&)>;
  explicit StreamCursors(Lookup lookup, std::size_t max_cached = 65'536);

  /// With what is staged. A zero cursor where the stream is unknown.
  Result<StreamCursor> find(const StreamKey& stream);
  /// As of the last durable commit.
  Result<StreamCursor> find_durable(const StreamKey& stream);
  void stage(const StreamKey& stream, const StreamCursor& cursor) { staged_[stream] = cursor; }
  /// The commit is durable: what was staged holds.
  void keep_staged();
  void drop_staged() { staged_.clear(); }
  /// Everything up to `commit` is in recent.db.
  void forget_sealed(CommitNumber commit);
  std::size_t cached() const { return cache_.size(); }

 private:
  Lookup lookup_;
  std::size_t max_cached_;
  std::unordered_map<StreamKey, StreamCursor> cache_, staged_;
};

enum class Admission { stored, duplicate, ahead };

/// Decides about a frame by its stream's cursor, and moves the cursor where it is to be stored. A gap frame that begins
/// before the cursor is clipped and its gaps become upper bounds. A frame that leaves a hole is ahead: an earlier one
/// failed, and storing this one would make the resend of that one a duplicate.
Admission admit(StoredFrame& frame, StreamCursor& cursor, CommitNumber commit);

/// The backup that this store was restored from.
struct RestorePoint {
  CommitNumber head = 0;  // its last commit; 0: there was no restore
  std::int64_t made_at_us = 0;
};

/// `frame` continues a cursor that commit `known_since` wrote. Where the hub itself found what is missing behind a
/// cursor of the backup, the restore lost it: gaps of the frame say so, and since when.
void explain_gaps(StoredFrame& frame, CommitNumber known_since, const RestorePoint& restore);

/// What may not be stored: no sequence, columns that do not fit, non-finite numbers, several sequences with readings.
bool is_well_formed(const StoredFrame& frame);

}  // namespace hub::sqlite
