// Start-up: what the files of earlier starts hold.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "device-agent/spool/lost_readings.h"
#include "device-agent/spool/spool.h"
#include "device-agent/spool/spool_record.h"

namespace agent {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMostKeptAside = 8;

std::uint64_t number_of(const std::string& path) {
  return std::strtoull(fs::path(path).stem().string().c_str(), nullptr, 10);
}

std::int64_t changed_us(const std::string& path) {
  struct stat s {};
  return ::stat(path.c_str(), &s) == 0 ? std::int64_t{s.st_mtim.tv_sec} * 1'000'000 : 0;
}

}  // namespace

struct Spool::Loading {
  std::optional<base::Id128> epoch;        // of the records that follow, in the file being read
  std::uint64_t orphans = 0;               // items whose epoch is not known
  std::int64_t from_us = 0, to_us = 0;     // when what damaged files held was sampled, about
  std::uint64_t damaged = 0;               // places in all files
  std::optional<std::string> first_frame;  // of the file being read
};

base::Result<std::unique_ptr<Spool>> Spool::open(SpoolOptions options, const base::Id128& epoch,
                                                 const base::Id128& boot_id) {
  std::unique_ptr<Spool> spool(new Spool(std::move(options)));
  spool->epoch_ = epoch;
  spool->boot_id_ = boot_id;
  std::error_code ec;
  fs::create_directories(spool->options_.folder, ec);
  // A disk that takes nothing now may do so later, which flush() tells; a wrong path never will.
  const bool is_disk = ec == std::errc::read_only_file_system || ec == std::errc::no_space_on_device ||
                       ec == std::errc::io_error || ec.value() == EDQUOT;
  if (ec && !is_disk) return base::error_code(ec.value(), boost::system::system_category());
  std::vector<std::string> files;
  for (fs::directory_iterator it(spool->options_.folder, ec), end; !ec && it != end; it.increment(ec)) {
    // Numbers of files kept aside are not used again.
    const std::string name = it->path().filename().string();
    spool->next_file_ = std::max<std::uint64_t>(spool->next_file_, std::strtoull(name.c_str(), nullptr, 10) + 1);
    if (it->path().extension() == ".spool") files.push_back(it->path().string());
  }
  std::sort(files.begin(), files.end(),
            [](const std::string& a, const std::string& b) { return number_of(a) < number_of(b); });
  Loading loading;
  for (const auto& file : files) spool->load_segment(file, loading);
  spool->load_tail(loading);
  const std::uint64_t holes = spool->note_holes();
  spool->findings_.damaged += loading.damaged;
  spool->add_epoch(epoch, boot_id);
  // Damage that no hole in the numbers accounts for may have cost the last frames of an epoch, or an epoch's name.
  if (loading.damaged > holes || loading.orphans > 0) spool->note_unknown_loss(loading);
  return spool;
}

void Spool::load_segment(const std::string& path, Loading& loading) {
  const auto file = FileBytes::read(path);
  if (!file) {
    ++findings_.unreadable;  // it may be readable at the next start
    return;
  }
  const std::string_view bytes = file->view();
  if (is_newer_spool(bytes)) {
    ++findings_.newer;
    std::error_code ec;
    fs::rename(path, path + ".newer", ec);
    return;
  }
  const auto segment = std::make_shared<Segment>();
  segment->path = path;
  segment->number = number_of(path);
  segment->bytes = segment->durable = bytes.size();
  segments_[segment->number] = segment;
  segment_bytes_ += segment->bytes;
  ++segment->live;  // until all of it was looked at
  loading.epoch.reset();
  loading.first_frame.reset();
  const RecordScan scan = scan_file(bytes, [&](const SpoolRecord& record) { take_record(record, segment, loading); });
  bool may_go = true;
  if (scan.damaged > 0) {
    loading.damaged += scan.damaged;
    may_go = keep_aside(path, ".damaged");
    const auto times = loading.first_frame ? times_of(*loading.first_frame) : std::nullopt;
    const std::int64_t changed = changed_us(path);
    const std::int64_t from = times ? times->first : changed;
    loading.from_us = loading.from_us == 0 ? from : std::min(loading.from_us, from);
    loading.to_us = std::max({loading.to_us, changed, times ? times->second : 0});
  }
  if (scan.unknown > 0) {
    ++findings_.newer;
    may_go = keep_aside(path, ".newer") && may_go;
  }
  if (may_go) {
    give_up(segment, 1);
  } else {
    // Nobody else has its bytes: it stays until it can be kept aside, at a later start.
    segments_.erase(segment->number);
    segment_bytes_ -= segment->bytes;
  }
}

void Spool::take_record(const SpoolRecord& record, const SegmentPtr& segment, Loading& loading) {
  if (record.type == 'E') {
    if (record.payload.size() != 32) return;
    loading.epoch = base::to_id128(record.payload.substr(0, 16));
    add_epoch(*loading.epoch, *base::to_id128(record.payload.substr(16)));
    return;
  }
  if (record.type == 'T') {
    void_pass_ = std::max(void_pass_, decode_number(record).value_or(0));
    return;
  }
  if (record.type == 'D') {
    telemetry::v1::Definitions more;
    if (loading.epoch && more.ParseFromArray(record.payload.data(), static_cast<int>(record.payload.size()))) {
      auto& known = definitions_[*loading.epoch];
      if (more.definitions_size() >= known.definitions_size()) known = std::move(more);
    }
    return;
  }
  const auto item = decode_item(record);
  if (!item) return;
  const std::string_view body = record.payload.substr(item->body_at);
  if (!item->is_gap && !loading.first_frame) loading.first_frame = std::string(body);
  if (!loading.epoch) {
    ++loading.orphans;
    return;
  }
  Entry entry;
  entry.is_gap = item->is_gap;
  entry.is_unplaced = item->is_unplaced;
  entry.first = item->first;
  entry.last = item->last;
  entry.segment = segment;
  if (segment == nullptr) {
    entry.bytes = std::string(body);
    entry.in_tail = true;
  }
  take_in(lanes_.at({*loading.epoch, item->lane}), std::move(entry));
}

void Spool::load_tail(Loading& loading) {
  const auto found = tail_.load(void_pass_);
  if (!found) {
    ++findings_.unreadable;
    return;
  }
  loading.epoch.reset();
  loading.first_frame.reset();
  const RecordScan scan =
      scan_records(found->payload, 0, [&](const SpoolRecord& record) { take_record(record, nullptr, loading); });
  const std::uint64_t damaged = std::max(found->damaged, scan.damaged);
  if (damaged > 0) {
    loading.damaged += damaged;
    const auto times = loading.first_frame ? times_of(*loading.first_frame) : std::nullopt;
    const std::int64_t changed = changed_us(tail_.path());
    const std::int64_t from = times ? times->first : changed;
    loading.from_us = loading.from_us == 0 ? from : std::min(loading.from_us, from);
    loading.to_us = std::max({loading.to_us, changed, times ? times->second : 0});
    keep_aside(tail_.path(), ".damaged");
  }
  if (scan.unknown > 0) {
    ++findings_.newer;
    keep_aside(tail_.path(), ".newer");
  }
}

/// A copy, or a second name of what is never written again. At most eight damaged files are kept, the newest.
bool Spool::keep_aside(const std::string& path, const char* extension) {
  const std::string kept = path + extension;
  std::error_code ec;
  fs::remove(kept, ec);
  ec.clear();
  const bool is_written_again = path == tail_.path();
  if (!is_written_again) fs::create_hard_link(path, kept, ec);
  if (is_written_again || ec) {
    ec.clear();
    fs::copy_file(path, kept, fs::copy_options::overwrite_existing, ec);
  }
  if (ec) return false;
  std::vector<std::pair<std::int64_t, std::string>> all;
  for (fs::directory_iterator it(options_.folder, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->path().extension() == ".damaged") all.emplace_back(changed_us(it->path().string()), it->path().string());
  }
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0; i + kMostKeptAside < all.size(); ++i) {
    if (all[i].second != kept) fs::remove(all[i].second, ec);
  }
  return true;
}

void Spool::add_epoch(const base::Id128& epoch, const base::Id128& boot) {
  if (lanes_.contains({epoch, 0})) return;
  const std::uint64_t age = next_age_++;
  for (const std::uint8_t lane : {0, 1}) lanes_[{epoch, lane}] = Lane{age, boot, {}, 1, 1};
}

// Of one number a gap counts before a frame, and a frame with its right time before one without, whatever was written
// last: a frame that became a gap never comes back.
void Spool::take_in(Lane& lane, Entry entry) {
  auto& entries = lane.entries;
  if (entry.first < lane.next) {
    auto at =
        std::partition_point(entries.begin(), entries.end(), [&](const Entry& e) { return e.last < entry.first; });
    for (; at != entries.end() && at->first <= entry.last; ++at) {
      const bool is_covered = at->first >= entry.first && at->last <= entry.last;
      if (entry.is_gap) {
        if (at->is_gap && !is_covered) return;
      } else if (at->is_gap || entry.is_unplaced || !at->is_unplaced) {
        return;
      }
    }
    carve(lane, entry.first, entry.last);
  }
  lane.next = std::max(lane.next, entry.last + 1);
  if (entry.segment == nullptr) return push_memory(lane, std::move(entry));
  ++entry.segment->live;
  if (!entries.empty() && !entry.is_gap && !entries.back().is_gap && entries.back().segment == entry.segment &&
      entries.back().is_unplaced == entry.is_unplaced && entries.back().last + 1 == entry.first) {
    entries.back().last = entry.last;
    return;
  }
  insert(lane, std::move(entry));
}

std::optional<std::pair<std::int64_t, std::int64_t>> Spool::times_at(const StreamKey& key, const Entry& entry,
                                                                     std::uint64_t sequence) {
  const auto bytes = bytes_of(key, entry, sequence);
  if (!bytes || entry.is_gap) return std::nullopt;
  return times_of(*bytes);
}

/// Numbers that were made and are not here: lost to damage, said as a gap so that the hub is not left guessing. Its
/// range is what lies between the neighbours. Returns how many places.
std::uint64_t Spool::note_holes() {
  std::uint64_t holes = 0;
  for (auto& [key, lane] : lanes_) {
    for (std::size_t i = 1; i < lane.entries.size(); ++i) {
      const Entry& before = lane.entries[i - 1];
      const Entry& behind = lane.entries[i];
      if (behind.first == before.last + 1) continue;
      const auto from = times_at(key, before, before.last), to = times_at(key, behind, behind.first);
      Entry hole;
      hole.is_gap = true;
      hole.first = before.last + 1;
      hole.last = behind.first - 1;
      hole.bytes = unknown_loss(from ? from->second : to ? to->first : 0, to ? to->first : 0).SerializeAsString();
      push_memory(lane, std::move(hole));
      ++holes;
      ++i;
    }
  }
  return holes;
}

/// A gap of every series of this device, in the stream of this start.
void Spool::note_unknown_loss(const Loading& loading) {
  Lane& lane = lanes_.at({epoch_, 1});
  Entry gap;
  gap.is_gap = true;
  gap.first = gap.last = lane.next++;
  gap.bytes = unknown_loss(loading.from_us, loading.to_us).SerializeAsString();
  push_memory(lane, std::move(gap));
}

}  // namespace agent
