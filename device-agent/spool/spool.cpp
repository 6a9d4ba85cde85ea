#include "device-agent/spool/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "device-agent/spool/frame_times.h"
#include "device-agent/spool/lost_readings.h"
#include "device-agent/spool/spool_record.h"

namespace agent {
namespace {

base::error_code last_error() {
  return {errno, boost::system::system_category()};
}

}  // namespace

Spool::~Spool() {
  if (fd_ >= 0) ::close(fd_);
}

std::uint64_t Spool::append(std::uint8_t lane, std::string body) {
  Lane& l = lanes_.at({epoch_, lane});
  Entry entry;
  entry.first = entry.last = l.next++;
  entry.is_unplaced = is_unplaced(body);
  entry.bytes = std::move(body);
  l.entries.push_back(std::move(entry));
  return l.next - 1;
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

std::optional<std::string> Spool::bytes_of(const Entry& entry) const {
  if (entry.segment == nullptr) return entry.bytes;
  const int fd = ::open(entry.segment->path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string bytes(entry.size, '\0');
  const ssize_t n = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(entry.offset));
  ::close(fd);
  if (n != static_cast<ssize_t>(bytes.size())) return std::nullopt;
  return bytes;
}

std::optional<Spool::Item> Spool::read(const base::Id128& epoch, std::uint8_t lane, std::uint64_t sequence) {
  const auto it = lanes_.find({epoch, lane});
  if (it == lanes_.end()) return std::nullopt;
  const auto& entries = it->second.entries;
  const auto found =
      std::partition_point(entries.begin(), entries.end(), [&](const Entry& e) { return e.last < sequence; });
  if (found == entries.end()) return std::nullopt;
  if (auto bytes = bytes_of(*found)) return Item{found->is_gap, found->first, found->last, std::move(*bytes)};
  // The file went away under us: say so instead of waiting for ever.
  telemetry::v1::GapFrame gap;
  gap.add_gaps()->set_reason(telemetry::v1::GAP_REASON_SPOOL_DAMAGED);
  return Item{true, found->first, found->last, gap.SerializeAsString()};
}

void Spool::release(Entry& entry) {
  if (entry.segment == nullptr) return;
  if (--entry.segment->live == 0 && entry.segment != current_) {
    disk_bytes_ -= std::min(disk_bytes_, entry.segment->bytes);
    ::unlink(entry.segment->path.c_str());
  }
  entry.segment = nullptr;
}

void Spool::acknowledged(const base::Id128& epoch, std::uint8_t lane, std::uint64_t stored) {
  const auto it = lanes_.find({epoch, lane});
  if (it == lanes_.end()) return;
  auto& entries = it->second.entries;
  while (!entries.empty() && entries.front().last <= stored) {
    release(entries.front());
    entries.pop_front();
  }
  // A segment that holds nothing wanted any more is left for a new one at the next flush.
  if (current_ && current_->live == 0 && current_->bytes > options_.segment_bytes / 4) {
    disk_bytes_ -= std::min(disk_bytes_, current_->bytes);
    ::unlink(current_->path.c_str());
    ::close(std::exchange(fd_, -1));
    current_ = nullptr;
  }
}

void Spool::refuse(const base::Id128& epoch, std::uint8_t lane, std::uint64_t sequence) {
  const auto it = lanes_.find({epoch, lane});
  if (it == lanes_.end()) return;
  for (auto& entry : it->second.entries) {
    if (entry.is_gap || entry.first != sequence) continue;
    telemetry::v1::GapFrame gap;
    add_lost_frame(bytes_of(entry).value_or(std::string()), telemetry::v1::GAP_REASON_REFUSED, gap);
    release(entry);
    entry.is_gap = true;
    entry.is_unplaced = false;
    entry.bytes = gap.SerializeAsString();
    ++dropped_frames_;
    return;
  }
}

base::Result<void> Spool::place_times(std::int64_t wall_minus_boot_us) {
  std::size_t pending = 0;
  for (auto& [key, lane] : lanes_) {
    if (lane.boot_id != boot_id_) continue;
    for (auto& entry : lane.entries) {
      if (!entry.is_unplaced) continue;
      auto moved = placed(bytes_of(entry).value_or(std::string()), wall_minus_boot_us);
      if (!moved) continue;
      if (entry.segment != nullptr) {
        superseded_.push_back(entry);
        pending += moved->size();
      }
      entry.segment = nullptr;
      entry.is_unplaced = false;
      entry.bytes = std::move(*moved);
      if (pending < options_.segment_bytes) continue;
      pending = 0;
      if (auto done = write_held(); !done) return done;
    }
  }
  return superseded_.empty() ? base::Result<void>() : write_held();
}

/// What was written is durable, or what it takes the place of stays.
base::Result<void> Spool::sync() {
  if (fd_ >= 0 && is_unsynced_ && ::fdatasync(fd_) != 0) return last_error();
  is_unsynced_ = false;
  return {};
}

base::Result<void> Spool::open_segment() {
  if (auto done = sync(); !done) return done;
  if (fd_ >= 0) {
    ::close(std::exchange(fd_, -1));
    if (current_->live == 0) {
      disk_bytes_ -= std::min(disk_bytes_, current_->bytes);
      ::unlink(current_->path.c_str());
    }
  }
  char name[32];
  std::snprintf(name, sizeof name, "/%012llu.spool", static_cast<unsigned long long>(next_file_++));
  current_ = std::make_shared<Segment>(Segment{options_.folder + name, 0, 0, false});
  definitions_written_ = 0;
  base::Result<void> begun;
  fd_ = ::open(current_->path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd_ < 0) {
    begun = last_error();
  } else {
    begun = write_record(std::string(kSpoolMagic));
    if (begun) begun = write_epoch(epoch_, boot_id_);
  }
  if (!begun) {
    // Records behind half a beginning would not be found again.
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    disk_bytes_ -= std::min(disk_bytes_, current_->bytes);
    ::unlink(current_->path.c_str());
    current_ = nullptr;
    return begun;
  }
  // The folder's entry must be durable as well, or the file is not there after a power cut.
  const int folder = ::open(options_.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
  return {};
}

base::Result<void> Spool::write_record(const std::string& record) {
  const ssize_t n = ::write(fd_, record.data(), record.size());
  if (n != static_cast<ssize_t>(record.size())) {
    const auto ec = n < 0 ? last_error() : base::error_code(ENOSPC, boost::system::system_category());
    // Half a record would hide what is written behind it.
    if (::ftruncate(fd_, static_cast<off_t>(current_->bytes)) != 0) current_->damaged = true;
    ::lseek(fd_, 0, SEEK_END);
    return ec;
  }
  is_unsynced_ = true;
  current_->bytes += record.size();
  disk_bytes_ += record.size();
  written_bytes_ += record.size();
  return {};
}

base::Result<void> Spool::flush() {
  if (auto done = write_held(); !done) return done;
  bool dropped = false;
  while (disk_bytes_ > options_.max_bytes && held() > 1) {
    drop_oldest();
    dropped = true;
  }
  return dropped ? write_held() : base::Result<void>();
}

/// Everything that is in memory only: frames of this epoch, gaps of any.
base::Result<void> Spool::write_held() {
  for (const std::uint8_t lane : {0, 1}) {
    for (auto& [key, l] : lanes_) {
      if (key.lane != lane) continue;
      for (auto& entry : l.entries) {
        if (entry.segment != nullptr) continue;
        if (fd_ < 0 || current_->bytes >= options_.segment_bytes) {
          if (auto done = open_segment(); !done) return done;
        }
        if (auto done = write_entry(key, l, entry); !done) return done;
      }
    }
  }
  if (auto done = sync(); !done) return done;
  for (auto& old : superseded_) release(old);
  superseded_.clear();
  return {};
}

base::Result<void> Spool::write_entry(const Key& key, const Lane& lane, Entry& entry) {
  const auto& definitions = definitions_[key.epoch];
  if (segment_epoch_ != key.epoch) {
    if (auto done = write_epoch(key.epoch, lane.boot_id); !done) return done;
    // The file that told the aliases of an earlier epoch may be gone by the time this gap is read.
    if (key.epoch != epoch_) {
      if (auto done = write_record(encode_record('D', definitions.SerializeAsString())); !done) return done;
    }
  }
  if (key.epoch == epoch_ && definitions_written_ < definitions.definitions_size()) {
    if (auto done = write_record(encode_record('D', definitions.SerializeAsString())); !done) return done;
    definitions_written_ = definitions.definitions_size();
  }
  SpooledItem item{key.lane, entry.is_gap, entry.is_unplaced, entry.first, entry.last, 0};
  const std::string record = encode_item(item, entry.bytes);
  const std::size_t at = current_->bytes;
  if (auto done = write_record(record); !done) return done;
  entry.segment = current_;
  entry.offset = at + kSpoolRecordHeader + item.body_at;
  entry.size = entry.bytes.size();
  entry.bytes = {};
  ++current_->live;
  return {};
}

base::Result<void> Spool::write_epoch(const base::Id128& epoch, const base::Id128& boot_id) {
  const std::string ids = std::string(base::as_chars(epoch)) + std::string(base::as_chars(boot_id));
  auto done = write_record(encode_record('E', ids));
  if (done) segment_epoch_ = epoch;
  return done;
}

// The oldest file's frames become one gap record a stream; the file goes.
void Spool::drop_oldest() {
  Lane* oldest = nullptr;
  const Key* key = nullptr;
  for (auto& [k, lane] : lanes_) {
    const bool has_frames = std::any_of(lane.entries.begin(), lane.entries.end(),
                                        [](const Entry& e) { return !e.is_gap && e.segment != nullptr; });
    if (!has_frames) continue;
    // Telemetry spooled while away goes before the live tail of the same epoch.
    if (oldest == nullptr || lane.age < oldest->age || (lane.age == oldest->age && k.lane > key->lane)) {
      oldest = &lane;
      key = &k;
    }
  }
  if (oldest == nullptr) {
    disk_bytes_ = 0;  // nothing left to give: the count was off
    return;
  }
  auto& entries = oldest->entries;
  auto begin =
      std::find_if(entries.begin(), entries.end(), [](const Entry& e) { return !e.is_gap && e.segment != nullptr; });
  const SegmentPtr victim = begin->segment;
  auto end = begin;
  telemetry::v1::GapFrame gap;
  Entry hole;
  hole.is_gap = true;
  hole.first = begin->first;
  while (end != entries.end() && !end->is_gap && end->segment == victim) {
    add_lost_frame(bytes_of(*end).value_or(std::string()), telemetry::v1::GAP_REASON_SPOOL_FULL, gap);
    hole.last = end->last;
    ++dropped_frames_;
    release(*end);
    ++end;
  }
  if (begin != entries.begin() && std::prev(begin)->is_gap && std::prev(begin)->last + 1 == hole.first) {
    --begin;
    telemetry::v1::GapFrame before;
    if (before.ParseFromString(bytes_of(*begin).value_or(std::string()))) merge_gap(before, gap);
    hole.first = begin->first;
    release(*begin);
  }
  hole.bytes = gap.SerializeAsString();
  const auto at = entries.erase(begin, end);
  entries.insert(at, std::move(hole));
}

std::size_t Spool::held() const {
  std::size_t n = 0;
  for (const auto& [key, lane] : lanes_) n += lane.entries.size();
  return n;
}

}  // namespace agent
