#include "hub/storage/sqlite/stream_cursors.h"

#include <algorithm>
#include <cmath>

namespace hub::sqlite {
namespace {

/// Event times are carried as 64-bit differences; codec and buckets are exact within this.
constexpr std::int64_t kTimeLimit = std::int64_t{1} << 61;

/// Readings of different flags are sealed apart: there must be few different ones.
constexpr std::uint32_t kKnownFlags = kUnsynchronised | kRebased | kBackfilled | kTimesClamped;

bool is_finite(const ValueColumn& values) {
  if (const auto* numbers = std::get_if<std::vector<double>>(&values)) {
    return std::all_of(numbers->begin(), numbers->end(), [](double v) { return std::isfinite(v); });
  }
  if (const auto* locations = std::get_if<std::vector<Location>>(&values)) {
    return std::all_of(locations->begin(), locations->end(), [](const Location& l) {
      return std::isfinite(l.latitude) && std::isfinite(l.longitude) && std::isfinite(l.altitude);
    });
  }
  return true;
}

}  // namespace

StreamCursors::StreamCursors(Lookup lookup, std::size_t max_cached)
    : lookup_(std::move(lookup)), max_cached_(max_cached) {}

Result<StreamCursor> StreamCursors::find(const StreamKey& stream) {
  if (const auto it = staged_.find(stream); it != staged_.end()) return it->second;
  return find_durable(stream);
}

Result<StreamCursor> StreamCursors::find_durable(const StreamKey& stream) {
  if (const auto it = cache_.find(stream); it != cache_.end()) return it->second;
  auto cursor = lookup_(stream);
  // What is read back is sealed by definition, so it may be forgotten at any time. That a stream is unknown is worth
  // keeping, too: it is asked for at Hello, and for its first frame.
  if (cursor && cache_.size() < max_cached_) cache_.emplace(stream, *cursor);
  return cursor;
}

void StreamCursors::keep_staged() {
  for (auto& [stream, cursor] : staged_) cache_[stream] = cursor;
  staged_.clear();
}

void StreamCursors::forget_sealed(CommitNumber commit) {
  if (cache_.size() <= max_cached_) return;
  std::erase_if(cache_, [&](const auto& entry) { return entry.second.commit <= commit; });
}

Admission admit(StoredFrame& frame, StreamCursor& cursor, CommitNumber commit) {
  if (frame.last_sequence <= cursor.sequence) return Admission::duplicate;
  if (frame.first_sequence > cursor.sequence + 1) return Admission::ahead;
  if (frame.first_sequence <= cursor.sequence) {
    frame.first_sequence = cursor.sequence + 1;
    for (auto& gap : frame.gaps) gap.at_most = true;
  }
  cursor = {frame.last_sequence, commit};
  return Admission::stored;
}

void explain_gaps(StoredFrame& frame, CommitNumber known_since, const RestorePoint& restore) {
  if (restore.head == 0 || known_since > restore.head) return;
  for (auto& gap : frame.gaps) {
    if (gap.reason != GapReason::missing_before || gap.reported_by != "hub") continue;
    gap.reason = GapReason::restore;
    if (gap.from_us == 0) gap.from_us = restore.made_at_us;
    if (gap.to_us == 0) gap.to_us = std::max(gap.from_us, frame.received_at_us);
  }
}

bool is_well_formed(const StoredFrame& frame) {
  if (frame.first_sequence == 0 || frame.last_sequence < frame.first_sequence || frame.stream.device.empty())
    return false;
  if (frame.flags > kKnownFlags) return false;
  if (!frame.columns.empty() && frame.first_sequence != frame.last_sequence) return false;
  return std::all_of(frame.columns.begin(), frame.columns.end(), [](const SeriesColumn& column) {
    return raw(column.series) != 0 && column.times && !column.times->empty() &&
           column.times->size() == size_of(column.values) && is_finite(column.values) &&
           std::all_of(column.times->begin(), column.times->end(),
                       [](std::int64_t t) { return -kTimeLimit < t && t < kTimeLimit; });
  });
}

}  // namespace hub::sqlite
