// What is in memory becomes durable.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "device-agent/spool/spool.h"
#include "device-agent/spool/spool_bytes.h"
#include "device-agent/spool/spool_record.h"

namespace agent {
namespace {

constexpr std::size_t kLargestTailWrite = 32 * 1'024;  // past it a segment's own cost is small beside the data

std::string epoch_record(const base::Id128& epoch, const base::Id128& boot_id) {
  return encode_record('E', std::string(base::as_chars(epoch)) + std::string(base::as_chars(boot_id)));
}

}  // namespace

base::Result<void> Spool::flush() {
  if (auto done = write_new(); !done) return done;
  bool dropped = false;
  while (disk_bytes() > options_.max_bytes && drop_oldest_segment()) dropped = true;
  return dropped ? write_new() : base::Result<void>();
}

base::Result<void> Spool::write_new() {
  const bool is_tail_over = tail_entries_ == 0 && !tail_.is_empty();
  if (is_tail_over) {
    tail_.restart();
    tail_definitions_ = 0;
  }
  std::size_t bytes = 0;
  bool is_of_this_epoch = true;
  for (const auto& [key, lane] : lanes_) {
    for (const auto& entry : lane.entries) {
      if (!entry.in_memory() || entry.in_tail) continue;
      bytes += entry.bytes.size() + kSpoolRecordHeader + 17;
      is_of_this_epoch = is_of_this_epoch && key.epoch == epoch_;
    }
  }
  if (bytes == 0) return is_tail_over && tail_.room() > 0 ? tail_.write({}) : base::Result<void>();
  std::error_code ec;
  std::filesystem::create_directories(options_.folder, ec);
  if (ec) return base::error_code(ec.value(), boost::system::system_category());
  // Where the tail takes nothing, a segment may.
  if (is_of_this_epoch && bytes <= kLargestTailWrite && write_tail()) return {};
  return write_held();
}

base::Result<void> Spool::write_tail() {
  std::string payload = epoch_record(epoch_, boot_id_);
  const auto& definitions = definitions_[epoch_];
  if (tail_definitions_ < definitions.definitions_size()) {
    payload += encode_record('D', definitions.SerializeAsString());
  }
  std::vector<Entry*> entries;
  for (const std::uint8_t lane : {0, 1}) {
    for (auto& entry : lanes_.at({epoch_, lane}).entries) {
      if (!entry.in_memory() || entry.in_tail) continue;
      SpooledItem item{lane, entry.is_gap, entry.is_unplaced, entry.first, entry.last, 0};
      payload += encode_item(item, entry.bytes);
      entries.push_back(&entry);
    }
  }
  if (auto done = tail_.write(payload); !done) return done;
  tail_definitions_ = definitions.definitions_size();
  for (Entry* entry : entries) entry->in_tail = true;
  tail_entries_ += entries.size();
  return {};
}

/// Everything that is in memory moves to a segment, and with that the tail is void. Entries keep their bytes until they
/// are known to be durable: after a failed fdatasync nobody can say what is.
base::Result<void> Spool::write_held() {
  auto done = stage_held();
  if (done && !tail_.is_empty()) {
    done = fd_ < 0 ? open_segment() : base::Result<void>();
    if (done) done = write_record(encode_number('T', tail_.pass()));
  }
  if (done) done = sync();
  if (!done) {
    abandon_segment();
    return done;
  }
  settle();
  if (!tail_.is_empty()) {
    void_pass_ = tail_.pass();
    tail_.restart();
    tail_definitions_ = 0;
  }
  for (const auto& segment : std::exchange(superseded_, {})) give_up(segment, 1);
  return {};
}

base::Result<void> Spool::stage_held() {
  for (const std::uint8_t lane : {0, 1}) {
    for (auto& [key, l] : lanes_) {
      if (key.lane != lane) continue;
      for (std::size_t i = 0; i < l.entries.size(); ++i) {
        if (l.entries[i].segment != nullptr) continue;
        if (fd_ < 0 || current_->bytes >= options_.segment_bytes) {
          if (auto done = sync(); !done) return done;
          const std::uint64_t number = l.entries[i].first;
          settle();  // merges entries
          const auto at = std::partition_point(l.entries.begin(), l.entries.end(),
                                               [number](const Entry& e) { return e.first < number; });
          i = static_cast<std::size_t>(at - l.entries.begin());
          if (auto done = open_segment(); !done) return done;
        }
        if (auto done = stage(key, l, l.entries[i]); !done) return done;
      }
    }
  }
  return {};
}

base::Result<void> Spool::stage(const StreamKey& key, const Lane& lane, Entry& entry) {
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
  if (auto done = write_record(encode_item(item, entry.bytes)); !done) return done;
  entry.segment = current_;
  entry.is_staged = true;
  return {};
}

base::Result<void> Spool::sync() {
  if (fd_ < 0) return {};
  if (is_unsynced_ && ::fdatasync(fd_) != 0) return last_file_error();
  is_unsynced_ = false;
  current_->durable = current_->bytes;
  return {};
}

/// What was staged is durable: it leaves memory, and frames that follow each other become one run.
void Spool::settle() {
  for (auto& [key, lane] : lanes_) {
    auto& entries = lane.entries;
    if (std::none_of(entries.begin(), entries.end(), [](const Entry& e) { return e.is_staged; })) continue;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      Entry& entry = entries[i];
      if (entry.is_staged) {
        discard(entry);
        entry.bytes = {};
        entry.is_staged = entry.in_tail = false;
        ++entry.segment->live;
      }
      Entry* before = kept == 0 ? nullptr : &entries[kept - 1];
      if (before != nullptr && !before->is_gap && !entry.is_gap && entry.segment != nullptr && !entry.is_staged &&
          before->segment == entry.segment && before->is_unplaced == entry.is_unplaced &&
          before->last + 1 == entry.first) {
        before->last = entry.last;
        continue;
      }
      if (kept != i) entries[kept] = std::move(entry);
      ++kept;
    }
    entries.resize(kept);
  }
}

/// After a failure: what was staged is in memory only, as before, and the file ends where it was durable or is not
/// looked at any more.
void Spool::abandon_segment() {
  for (auto& [key, lane] : lanes_) {
    for (auto& entry : lane.entries) {
      if (!entry.is_staged) continue;
      entry.segment = nullptr;
      entry.is_staged = false;
    }
  }
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  is_unsynced_ = false;
  const SegmentPtr left = std::exchange(current_, nullptr);
  if (left == nullptr) return;
  index_.forget();
  if (left->live == 0) return remove(left);
  // Half a record at its end would be taken for damage at the next start.
  std::error_code ec;
  std::filesystem::resize_file(left->path, left->durable, ec);
  if (ec) return;
  segment_bytes_ -= std::min(segment_bytes_, left->bytes - left->durable);
  left->bytes = left->durable;
}

base::Result<void> Spool::open_segment() {
  if (fd_ >= 0) {
    ::close(std::exchange(fd_, -1));
    const SegmentPtr full = std::exchange(current_, nullptr);
    if (full->live == 0) remove(full);
  }
  char name[32];
  const std::uint64_t number = next_file_++;
  std::snprintf(name, sizeof name, "/%012llu.spool", static_cast<unsigned long long>(number));
  const std::string path = options_.folder + name;
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd_ < 0) return last_file_error();
  current_ = std::make_shared<Segment>();
  current_->path = path;
  current_->number = number;
  segments_[number] = current_;
  definitions_written_ = 0;
  // Twice: without its epoch nothing in the file has a meaning.
  std::string begin(kSpoolMagic);
  begin += epoch_record(epoch_, boot_id_) + epoch_record(epoch_, boot_id_);
  if (void_pass_ > 0) begin += encode_number('T', void_pass_);
  if (auto done = write_record(begin); !done) return done;
  segment_epoch_ = epoch_;
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
  if (n > 0) {
    current_->bytes += static_cast<std::size_t>(n);
    segment_bytes_ += static_cast<std::size_t>(n);
    written_bytes_ += static_cast<std::uint64_t>(n);
    is_unsynced_ = true;
  }
  if (n != static_cast<ssize_t>(record.size())) {
    return n < 0 ? last_file_error() : base::error_code(ENOSPC, boost::system::system_category());
  }
  return {};
}

base::Result<void> Spool::write_epoch(const base::Id128& epoch, const base::Id128& boot_id) {
  auto done = write_record(epoch_record(epoch, boot_id));
  if (done) segment_epoch_ = epoch;
  return done;
}

}  // namespace agent
