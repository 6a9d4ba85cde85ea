// What is held, and what becomes of it: read, forgotten, refused, dropped.
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "device-agent/spool/frame_times.h"
#include "device-agent/spool/lost_readings.h"
#include "device-agent/spool/spool.h"

namespace agent {
namespace {

constexpr std::size_t kEntryBytes = 128;  // what an entry costs beside its bytes, about

}  // namespace

std::uint64_t Spool::append(std::uint8_t lane, std::string body) {
  Lane& l = lanes_.at({epoch_, lane});
  Entry entry;
  entry.first = entry.last = l.next++;
  entry.is_unplaced = is_unplaced(body);
  entry.bytes = std::move(body);
  push_memory(l, std::move(entry));
  while (memory_bytes_ > options_.max_memory_bytes && drop_oldest_memory()) {
  }
  return l.next - 1;
}

void Spool::push_memory(Lane& lane, Entry entry) {
  memory_bytes_ += entry.bytes.size() + kEntryBytes;
  tail_entries_ += entry.in_tail;
  insert(lane, std::move(entry));
}

Spool::Entries::iterator Spool::insert(Lane& lane, Entry entry) {
  auto& entries = lane.entries;
  if (entries.empty() || entries.back().first < entry.first) {
    entries.push_back(std::move(entry));
    return std::prev(entries.end());
  }
  const auto at =
      std::partition_point(entries.begin(), entries.end(), [&](const Entry& e) { return e.first < entry.first; });
  return entries.insert(at, std::move(entry));
}

/// Of an entry that is about to go.
void Spool::discard(Entry& entry) {
  if (!entry.in_memory()) return give_up(entry.segment, entry.items());
  memory_bytes_ -= entry.bytes.size() + kEntryBytes;
  tail_entries_ -= entry.in_tail;
}

void Spool::give_up(const SegmentPtr& segment, std::uint64_t items) {
  segment->live -= std::min<std::size_t>(segment->live, items);
  if (segment->live == 0 && segment != current_) remove(segment);
}

void Spool::remove(const SegmentPtr& segment) {
  if (segments_.erase(segment->number) == 0) return;
  segment_bytes_ -= std::min(segment_bytes_, segment->bytes);
  ::unlink(segment->path.c_str());
}

/// Takes these numbers out; a run on disk that reaches beyond is split. A gap that does stays whole.
void Spool::carve(Lane& lane, std::uint64_t first, std::uint64_t last) {
  auto& entries = lane.entries;
  auto it = std::partition_point(entries.begin(), entries.end(), [&](const Entry& e) { return e.last < first; });
  while (it != entries.end() && it->first <= last) {
    if (it->first >= first && it->last <= last) {
      discard(*it);
      it = entries.erase(it);
    } else if (it->is_gap) {
      ++it;
    } else if (it->first < first && it->last > last) {
      Entry behind = *it;
      behind.first = last + 1;
      it->last = first - 1;
      give_up(it->segment, last - first + 1);
      entries.insert(std::next(it), std::move(behind));
      return;
    } else if (it->first < first) {
      give_up(it->segment, it->last - first + 1);
      it->last = first - 1;
      ++it;
    } else {
      give_up(it->segment, last - it->first + 1);
      it->first = last + 1;
      return;
    }
  }
}

base::Result<std::string> Spool::bytes_of(const StreamKey& key, const Entry& entry, std::uint64_t sequence) {
  if (entry.in_memory()) return entry.bytes;
  return index_.read(*entry.segment, key, entry.is_gap, entry.is_gap ? entry.first : sequence);
}

/// What stood there cannot be read any more.
void Spool::lose(const StreamKey& key, Lane& lane, std::uint64_t first, std::uint64_t last) {
  ++findings_.damaged;
  carve(lane, first, last);
  Entry gap;
  gap.is_gap = true;
  gap.first = first;
  gap.last = last;
  gap.bytes = unknown_loss().SerializeAsString();
  push_memory(lane, std::move(gap));
  const auto at = std::partition_point(lane.entries.begin(), lane.entries.end(),
                                       [first](const Entry& e) { return e.first < first; });
  merge_with_previous(key, lane, at);
}

std::optional<Spool::Item> Spool::read(const base::Id128& epoch, std::uint8_t lane, std::uint64_t sequence) {
  const auto it = lanes_.find({epoch, lane});
  if (it == lanes_.end()) return std::nullopt;
  auto& entries = it->second.entries;
  const auto found =
      std::partition_point(entries.begin(), entries.end(), [&](const Entry& e) { return e.last < sequence; });
  if (found == entries.end()) return std::nullopt;
  const std::uint64_t n = found->is_gap ? found->first : std::max(found->first, sequence);
  const std::uint64_t last = found->is_gap ? found->last : n;
  auto bytes = bytes_of(it->first, *found, n);
  if (bytes) return Item{found->is_gap, n, last, std::move(*bytes)};
  const int why = bytes.error().value();
  if (why == EMFILE || why == ENFILE || why == ENOMEM) return std::nullopt;  // it is there: later
  // The file went away, or bad, under us: said instead of waiting for ever. One bad record costs itself only.
  lose(it->first, it->second, n, why == EBADMSG ? last : found->last);
  return read(epoch, lane, sequence);
}

void Spool::acknowledged(const base::Id128& epoch, std::uint8_t lane, std::uint64_t stored) {
  const auto it = lanes_.find({epoch, lane});
  if (it == lanes_.end()) return;
  auto& entries = it->second.entries;
  while (!entries.empty() && entries.front().first <= stored) {
    Entry& oldest = entries.front();
    if (oldest.last > stored) {
      if (!oldest.is_gap) {
        give_up(oldest.segment, stored + 1 - oldest.first);
        oldest.first = stored + 1;
      }
      break;
    }
    discard(oldest);
    entries.pop_front();
  }
  // A segment that holds nothing wanted any more is left for a new one at the next flush.
  if (current_ && current_->live == 0 && current_->bytes > options_.segment_bytes / 4) {
    ::close(std::exchange(fd_, -1));
    remove(std::exchange(current_, nullptr));
  }
}

void Spool::refuse(const base::Id128& epoch, std::uint8_t lane, std::uint64_t sequence) {
  const auto it = lanes_.find({epoch, lane});
  if (it == lanes_.end()) return;
  auto& entries = it->second.entries;
  const auto found =
      std::partition_point(entries.begin(), entries.end(), [&](const Entry& e) { return e.last < sequence; });
  if (found == entries.end() || found->is_gap || found->first > sequence) return;
  telemetry::v1::GapFrame gap;
  const auto bytes = bytes_of(it->first, *found, sequence);
  dropped_readings_ += add_lost_frame(bytes ? *bytes : std::string(), telemetry::v1::GAP_REASON_REFUSED, gap);
  ++dropped_frames_;
  carve(it->second, sequence, sequence);
  Entry hole;
  hole.is_gap = true;
  hole.first = hole.last = sequence;
  hole.bytes = gap.SerializeAsString();
  push_memory(it->second, std::move(hole));
}

/// Two gaps that touch become one, in memory. Returns it.
Spool::Entries::iterator Spool::merge_with_previous(const StreamKey& key, Lane& lane, Entries::iterator gap) {
  if (gap == lane.entries.begin()) return gap;
  const auto before = std::prev(gap);
  if (!before->is_gap || before->last + 1 != gap->first) return gap;
  const auto earlier = bytes_of(key, *before, before->first);
  telemetry::v1::GapFrame first, second;
  if (!earlier || !first.ParseFromString(*earlier) || !second.ParseFromString(gap->bytes)) return gap;
  merge_gap(second, first);
  Entry whole;
  whole.is_gap = true;
  whole.first = before->first;
  whole.last = gap->last;
  whole.bytes = first.SerializeAsString();
  carve(lane, whole.first, whole.last);
  const std::uint64_t number = whole.first;
  push_memory(lane, std::move(whole));
  return std::partition_point(lane.entries.begin(), lane.entries.end(),
                              [number](const Entry& e) { return e.first < number; });
}

/// The oldest file's frames become gap records; what else is wanted of it is written again; the file goes.
bool Spool::drop_oldest_segment() {
  if (segments_.empty()) return false;
  const SegmentPtr victim = segments_.begin()->second;
  if (victim == current_) {
    ::close(std::exchange(fd_, -1));
    current_ = nullptr;
    is_unsynced_ = false;
  }
  ++victim->live;  // not before the end
  for (auto& [key, lane] : lanes_) {
    for (auto it = lane.entries.begin(); it != lane.entries.end(); ++it) {
      if (it->segment != victim) continue;
      Entry gap;
      gap.is_gap = true;
      gap.first = it->first;
      gap.last = it->last;
      if (it->is_gap) {
        const auto bytes = bytes_of(key, *it, it->first);
        gap.bytes = bytes ? *bytes : unknown_loss().SerializeAsString();
      } else {
        telemetry::v1::GapFrame lost;
        for (std::uint64_t n = it->first; n <= it->last; ++n) {
          const auto bytes = bytes_of(key, *it, n);
          dropped_readings_ +=
              add_lost_frame(bytes ? *bytes : std::string(), telemetry::v1::GAP_REASON_SPOOL_FULL, lost);
          ++dropped_frames_;
        }
        gap.bytes = lost.SerializeAsString();
      }
      discard(*it);
      memory_bytes_ += gap.bytes.size() + kEntryBytes;
      *it = std::move(gap);
      it = merge_with_previous(key, lane, it);
    }
  }
  give_up(victim, victim->live);
  return true;
}

/// An eighth of what memory may hold, of the oldest frames in it, becomes a gap.
bool Spool::drop_oldest_memory() {
  const auto is_frame = [](const Entry& e) { return !e.is_gap && e.in_memory(); };
  Lane* oldest = nullptr;
  StreamKey key;
  for (auto& [k, lane] : lanes_) {
    if (!std::any_of(lane.entries.begin(), lane.entries.end(), is_frame)) continue;
    // What was sampled while away goes before the live tail of the same epoch.
    if (oldest != nullptr && (lane.age > oldest->age || (lane.age == oldest->age && k.lane < key.lane))) continue;
    oldest = &lane;
    key = k;
  }
  if (oldest == nullptr) return false;
  auto& entries = oldest->entries;
  auto it = std::find_if(entries.begin(), entries.end(), is_frame);
  telemetry::v1::GapFrame lost;
  Entry gap;
  gap.is_gap = true;
  gap.first = it->first;
  std::size_t freed = 0;
  for (; it != entries.end() && is_frame(*it) && freed <= options_.max_memory_bytes / 8; ++it) {
    dropped_readings_ += add_lost_frame(it->bytes, telemetry::v1::GAP_REASON_SPOOL_FULL, lost);
    ++dropped_frames_;
    freed += it->bytes.size() + kEntryBytes;
    gap.last = it->last;
  }
  carve(*oldest, gap.first, gap.last);
  const std::uint64_t first = gap.first;
  gap.bytes = lost.SerializeAsString();
  push_memory(*oldest, std::move(gap));
  merge_with_previous(key, *oldest, std::partition_point(entries.begin(), entries.end(), [first](const Entry& e) {
                        return e.first < first;
                      }));
  return true;
}

}  // namespace agent
