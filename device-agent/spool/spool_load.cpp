// Start-up: what the files of earlier starts hold.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "device-agent/spool/spool.h"
#include "device-agent/spool/spool_record.h"

namespace agent {

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
  spool->add_epoch(epoch, boot_id);
  return spool;
}

void Spool::load(const std::string& path) {
  const std::string stem = std::filesystem::path(path).stem().string();
  next_file_ = std::max<std::uint64_t>(next_file_, std::strtoull(stem.c_str(), nullptr, 10) + 1);
  std::ifstream in(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto segment = std::make_shared<Segment>(Segment{path, bytes.size(), 0, false});
  std::optional<base::Id128> epoch;
  const std::uint64_t damaged = scan_records(bytes, [&](const SpoolRecord& record) {
    if (record.type == 'E' && record.payload.size() == 32) {
      epoch = base::to_id128(record.payload.substr(0, 16));
      add_epoch(*epoch, *base::to_id128(record.payload.substr(16)));
    } else if (record.type == 'D' && epoch) {
      telemetry::v1::Definitions more;
      if (more.ParseFromArray(record.payload.data(), static_cast<int>(record.payload.size()))) {
        definitions_[*epoch] = more;
      }
    } else if (const auto item = decode_item(record); item && epoch) {
      Entry entry;
      entry.is_gap = item->is_gap;
      entry.is_unplaced = item->is_unplaced;
      entry.first = item->first;
      entry.last = item->last;
      entry.segment = segment;
      entry.offset = record.payload_at + item->body_at;
      entry.size = record.payload.size() - item->body_at;
      ++segment->live;
      take_in(lanes_.at({*epoch, item->lane}), std::move(entry));
    }
  });
  if (damaged > 0) {
    damaged_ += damaged;
    segment->damaged = true;
    std::error_code ec;
    std::filesystem::copy_file(path, path + ".damaged", std::filesystem::copy_options::overwrite_existing, ec);
  }
  disk_bytes_ += segment->bytes;
  if (segment->live == 0) {
    disk_bytes_ -= segment->bytes;
    ::unlink(path.c_str());
  }
}

void Spool::add_epoch(const base::Id128& epoch, const base::Id128& boot) {
  if (lanes_.contains({epoch, 0})) return;
  const std::uint64_t age = next_age_++;
  for (const std::uint8_t lane : {0, 1}) lanes_[{epoch, lane}] = Lane{age, boot, {}, 1};
}

// A gap takes the place of what it covers; a frame written twice is the same frame, as it was written last.
void Spool::take_in(Lane& lane, Entry entry) {
  if (entry.first < lane.next) {
    std::erase_if(lane.entries, [&](Entry& old) {
      if (old.first < entry.first || old.last > entry.last) return false;
      release(old);
      return true;
    });
  }
  lane.next = std::max(lane.next, entry.last + 1);
  lane.entries.push_back(std::move(entry));
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

}  // namespace agent
