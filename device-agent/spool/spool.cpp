#include "device-agent/spool/spool.h"

#include <unistd.h>

#include <algorithm>

#include "device-agent/spool/frame_times.h"

namespace agent {
namespace {

constexpr std::size_t kSmallestSegment = 4 * 1'024;

/// A share that is too small for a few blocks goes without.
std::size_t tail_blocks(const SpoolOptions& options) {
  const std::size_t blocks = std::min(options.max_bytes / 64, options.tail_bytes) / TailFile::kBlock;
  return blocks < 4 ? 0 : blocks;
}

SpoolOptions fitted(SpoolOptions options) {
  options.segment_bytes = std::min(options.segment_bytes, std::max(options.max_bytes / 8, kSmallestSegment));
  return options;
}

}  // namespace

Spool::Spool(SpoolOptions options)
    : options_(fitted(std::move(options))), tail_(options_.folder + "/tail", tail_blocks(options_)) {}

Spool::~Spool() {
  if (fd_ >= 0) ::close(fd_);
}

void Spool::set_definitions(const telemetry::v1::Definitions& definitions) {
  definitions_[epoch_] = definitions;
}

telemetry::v1::Definitions Spool::definitions(const base::Id128& epoch) const {
  const auto it = definitions_.find(epoch);
  return it == definitions_.end() ? telemetry::v1::Definitions() : it->second;
}

std::vector<Spool::Stream> Spool::streams() const {
  std::vector<std::pair<std::uint64_t, Stream>> found;
  for (const auto& [key, lane] : lanes_) {
    if (lane.entries.empty() && key.epoch != epoch_) continue;
    const std::uint64_t first = lane.entries.empty() ? lane.next : lane.entries.front().first;
    found.push_back({lane.age, {key.epoch, lane.boot_id, key.lane, first, lane.next}});
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Stream> out;
  for (auto& [age, stream] : found) out.push_back(stream);
  return out;
}

base::Result<void> Spool::place_times(std::int64_t wall_minus_boot_us) {
  std::size_t pending = 0;
  bool is_durable_without = false;  // a frame whose old times are on disk
  for (auto& [key, lane] : lanes_) {
    if (lane.boot_id != boot_id_) continue;
    for (std::uint64_t sequence = 1; sequence < lane.next; ++sequence) {
      auto& entries = lane.entries;
      auto it = std::partition_point(entries.begin(), entries.end(), [&](const Entry& e) { return e.last < sequence; });
      while (it != entries.end() && !it->is_unplaced) ++it;
      if (it == entries.end()) break;
      sequence = std::max(sequence, it->first);
      const auto body = bytes_of(key, *it, sequence);
      auto moved = placed(body ? *body : std::string(), wall_minus_boot_us);
      if (!moved) continue;
      Entry entry;
      entry.first = entry.last = sequence;
      entry.bytes = std::move(*moved);
      is_durable_without = is_durable_without || it->in_tail || !it->in_memory();
      if (!it->in_memory()) {
        pending += entry.bytes.size();
        ++it->segment->live;  // it stays until what takes its place is durable
        superseded_.push_back(it->segment);
      }
      carve(lane, sequence, sequence);
      push_memory(lane, std::move(entry));
      if (pending < options_.segment_bytes) continue;
      pending = 0;
      if (auto done = write_held(); !done) return done;
    }
  }
  return is_durable_without || !superseded_.empty() ? write_held() : base::Result<void>();
}

bool Spool::is_behind() {
  bool behind = false;
  for (auto& [key, lane] : lanes_) {
    behind = behind || std::any_of(lane.entries.begin(), lane.entries.end(), [&lane = lane](const Entry& e) {
               return e.in_memory() && !e.in_tail && e.first < lane.seen;
             });
    lane.seen = lane.next;
  }
  return behind;
}

std::size_t Spool::unsaved_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [key, lane] : lanes_) {
    for (const auto& entry : lane.entries) bytes += entry.in_memory() && !entry.in_tail ? entry.bytes.size() : 0;
  }
  return bytes;
}

std::size_t Spool::held() const {
  std::size_t n = 0;
  for (const auto& [key, lane] : lanes_) {
    for (const auto& entry : lane.entries) n += entry.items();
  }
  return n;
}

}  // namespace agent
