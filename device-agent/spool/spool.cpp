#include "device-agent/spool/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "device-agent/spool/lost_readings.h"

namespace agent {
namespace {

constexpr std::string_view kMagic = "TSPOOL1\n";
constexpr std::size_t kHeader = 9;  // size, crc, type
constexpr std::size_t kLargestRecord = 1024 * 1024;
constexpr std::size_t kLanePrefix = 1 + 8;

base::error_code last_error() {
  return {errno, boost::system::system_category()};
}

template <class T>
void put(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}
template <class T>
T get(std::string_view bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i)
    value |= static_cast<T>(static_cast<std::uint8_t>(bytes[i])) << (8 * i);
  return value;
}

std::uint32_t checksum(char type, std::string_view payload) {
  return base::crc32(payload, base::crc32(std::string_view(&type, 1)));
}

bool is_record(std::string_view bytes, std::size_t at) {
  if (bytes.size() - at < kHeader) return false;
  const char type = bytes[at + 8];
  if (type != 'E' && type != 'D' && type != 'F' && type != 'G') return false;
  const auto size = get<std::uint32_t>(bytes.substr(at, 4));
  if (size > kLargestRecord || bytes.size() - at - kHeader < size) return false;
  return checksum(type, bytes.substr(at + kHeader, size)) == get<std::uint32_t>(bytes.substr(at + 4, 4));
}

}  // namespace

base::Result<std::unique_ptr<Spool>> Spool::open(SpoolOptions options, const base::Id128& epoch,
                                                 const base::Id128& boot_id) {
  std::error_code ec;
  std::filesystem::create_directories(options.folder, ec);
  if (ec) return base::error_code(ec.value(), boost::system::system_category());
  std::unique_ptr<Spool> spool(new Spool(std::move(options)));
  spool->epoch_ = epoch;
  spool->boot_id_ = boot_id;
  std::vector<std::string> files;
  for (std::filesystem::directory_iterator it(spool->options_.folder, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->path().extension() == ".spool") files.push_back(it->path().string());
  }
  std::sort(files.begin(), files.end());  // named by a growing number
  for (const auto& file : files) spool->load(file);
  spool->note_holes();
  const std::uint64_t age = spool->next_age_++;
  for (const std::uint8_t lane : {0, 1}) {
    spool->lanes_[{epoch, lane}] = Lane{age, boot_id, {}, 1};
  }
  return spool;
}

Spool::~Spool() {
  if (fd_ >= 0) ::close(fd_);
}

void Spool::load(const std::string& path) {
  const std::string stem = std::filesystem::path(path).stem().string();
  next_file_ = std::max<std::uint64_t>(next_file_, std::strtoull(stem.c_str(), nullptr, 10) + 1);
  std::ifstream in(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  auto segment = std::make_shared<Segment>(Segment{path, bytes.size(), 0, false});
  base::Id128 epoch{}, boot{};
  bool has_epoch = false;
  std::size_t at = kMagic.size();
  if (bytes.compare(0, kMagic.size(), kMagic) != 0) {
    ++damaged_;
    segment->damaged = true;
    at = 0;
  }
  while (at < bytes.size()) {
    if (!is_record(bytes, at)) {
      // A flipped byte, or cut off while it was written. No size is believed: the next whole record is looked for.
      ++damaged_;
      segment->damaged = true;
      do ++at;
      while (at < bytes.size() && !is_record(bytes, at));
      if (at >= bytes.size()) break;
    }
    const auto size = get<std::uint32_t>(std::string_view(bytes).substr(at, 4));
    const char type = bytes[at + 8];
    const std::string_view payload = std::string_view(bytes).substr(at + kHeader, size);
    const std::size_t payload_at = at + kHeader;
    at += kHeader + size;
    if (type == 'E' && size == 32) {
      epoch = *base::to_id128(payload.substr(0, 16));
      boot = *base::to_id128(payload.substr(16));
      has_epoch = true;
      if (!lanes_.contains({epoch, 0})) {
        const std::uint64_t age = next_age_++;
        for (const std::uint8_t lane : {0, 1}) lanes_[{epoch, lane}] = Lane{age, boot, {}, 1};
      }
    } else if (type == 'D' && has_epoch) {
      telemetry::v1::Definitions more;
      if (more.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) definitions_[epoch] = more;
    } else if ((type == 'F' || type == 'G') && has_epoch && size >= kLanePrefix + (type == 'G' ? 8 : 0)) {
      const auto lane = static_cast<std::uint8_t>(payload[0] & 1);
      Entry entry;
      entry.is_gap = type == 'G';
      entry.first = get<std::uint64_t>(payload.substr(1, 8));
      entry.last = entry.is_gap ? get<std::uint64_t>(payload.substr(9, 8)) : entry.first;
      const std::size_t prefix = kLanePrefix + (entry.is_gap ? 8 : 0);
      entry.segment = segment;
      entry.offset = payload_at + prefix;
      entry.size = size - prefix;
      auto& list = lanes_[{epoch, lane}];
      // A gap takes the place of what it covers; a frame written twice is the same frame.
      std::erase_if(list.entries, [&](Entry& old) {
        if (old.first < entry.first || old.last > entry.last) return false;
        release(old);
        return true;
      });
      list.next = std::max(list.next, entry.last + 1);
      ++segment->live;
      list.entries.push_back(std::move(entry));
    }
  }
  if (segment->damaged) {
    std::error_code ec;
    std::filesystem::copy_file(path, path + ".damaged", std::filesystem::copy_options::overwrite_existing, ec);
  }
  disk_bytes_ += segment->bytes;
  if (segment->live == 0) {
    disk_bytes_ -= segment->bytes;
    ::unlink(path.c_str());
  }
}

// Numbers that were made and are not here: lost to damage, said as a gap so that the hub is not left waiting or
// guessing.
void Spool::note_holes() {
  for (auto& [key, lane] : lanes_) {
    std::sort(lane.entries.begin(), lane.entries.end(),
              [](const Entry& a, const Entry& b) { return a.first < b.first; });
    std::deque<Entry> whole;
    for (auto& entry : lane.entries) {
      if (!whole.empty() && entry.first > whole.back().last + 1 && damaged_ > 0) {
        telemetry::v1::GapFrame gap;
        gap.add_gaps()->set_reason(telemetry::v1::GAP_REASON_SPOOL_DAMAGED);
        Entry hole;
        hole.is_gap = true;
        hole.first = whole.back().last + 1;
        hole.last = entry.first - 1;
        hole.bytes = gap.SerializeAsString();
        whole.push_back(std::move(hole));
      }
      whole.push_back(std::move(entry));
    }
    lane.entries = std::move(whole);
  }
}

std::uint64_t Spool::append(std::uint8_t lane, std::string body) {
  Lane& l = lanes_.at({epoch_, lane});
  Entry entry;
  entry.first = entry.last = l.next++;
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
    entry.bytes = gap.SerializeAsString();
    ++dropped_frames_;
    return;
  }
}

base::Result<void> Spool::open_segment() {
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
  fd_ = ::open(current_->path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd_ < 0) {
    current_ = nullptr;
    return last_error();
  }
  if (::write(fd_, kMagic.data(), kMagic.size()) != static_cast<ssize_t>(kMagic.size())) return last_error();
  current_->bytes = kMagic.size();
  disk_bytes_ += kMagic.size();
  definitions_written_ = 0;
  if (auto done = write_epoch(epoch_, boot_id_); !done) return done;
  // The folder's entry must be durable as well, or the file is not there after a power cut.
  const int folder = ::open(options_.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
  return {};
}

base::Result<void> Spool::write_record(char type, std::string_view payload) {
  std::string record;
  put(record, static_cast<std::uint32_t>(payload.size()));
  put(record, checksum(type, payload));
  record.push_back(type);
  record.append(payload);
  const ssize_t n = ::write(fd_, record.data(), record.size());
  if (n != static_cast<ssize_t>(record.size())) {
    const auto ec = n < 0 ? last_error() : base::error_code(ENOSPC, boost::system::system_category());
    // Half a record would hide what is written behind it.
    if (::ftruncate(fd_, static_cast<off_t>(current_->bytes)) != 0) current_->damaged = true;
    ::lseek(fd_, 0, SEEK_END);
    return ec;
  }
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
  bool wrote = false;
  for (const std::uint8_t lane : {0, 1}) {
    for (auto& [key, l] : lanes_) {
      if (key.lane != lane) continue;
      for (auto& entry : l.entries) {
        if (entry.segment != nullptr) continue;
        if (fd_ < 0 || current_->bytes >= options_.segment_bytes) {
          if (auto done = open_segment(); !done) return done;
        }
        if (auto done = write_entry(key, l, entry); !done) return done;
        wrote = true;
      }
    }
  }
  if (wrote && ::fdatasync(fd_) != 0) return last_error();
  return {};
}

base::Result<void> Spool::write_entry(const Key& key, const Lane& lane, Entry& entry) {
  const auto& definitions = definitions_[key.epoch];
  if (segment_epoch_ != key.epoch) {
    if (auto done = write_epoch(key.epoch, lane.boot_id); !done) return done;
    // The file that told the aliases of an earlier epoch may be gone by the time this gap is read.
    if (key.epoch != epoch_) {
      if (auto done = write_record('D', definitions.SerializeAsString()); !done) return done;
    }
  }
  if (key.epoch == epoch_ && definitions_written_ < definitions.definitions_size()) {
    if (auto done = write_record('D', definitions.SerializeAsString()); !done) return done;
    definitions_written_ = definitions.definitions_size();
  }
  std::string payload(1, static_cast<char>(key.lane));
  put(payload, entry.first);
  if (entry.is_gap) put(payload, entry.last);
  const std::size_t prefix = payload.size();
  payload += entry.bytes;
  const std::size_t at = current_->bytes;
  if (auto done = write_record(entry.is_gap ? 'G' : 'F', payload); !done) return done;
  entry.segment = current_;
  entry.offset = at + kHeader + prefix;
  entry.size = entry.bytes.size();
  entry.bytes = {};
  ++current_->live;
  return {};
}

base::Result<void> Spool::write_epoch(const base::Id128& epoch, const base::Id128& boot_id) {
  const std::string ids = std::string(base::as_chars(epoch)) + std::string(base::as_chars(boot_id));
  auto done = write_record('E', ids);
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
