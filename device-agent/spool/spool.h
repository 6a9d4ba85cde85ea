// What the hub has not acknowledged yet: in memory while young, on disk when older, nothing of it ever renumbered.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "telemetry/v1/device.pb.h"

namespace agent {

struct SpoolOptions {
  std::string folder;
  std::size_t max_bytes = 64 * 1024 * 1024;  // on disk; past it the oldest frames become a gap record
  std::size_t segment_bytes = 1024 * 1024;
};

/// Lives on the agent's thread. Frames are appended with the next number of their lane in this start's epoch; epoch,
/// lane and number never change, bytes only by place_times(). flush() makes everything durable that is held: the agent
/// calls it every few seconds (the loss window of a power cut) and at its end. acknowledged() forgets. Damaged records
/// are left out, their file is kept as *.damaged, and the hole becomes a gap `spool_damaged`.
class Spool {
 public:
  struct Stream {
    base::Id128 epoch{}, boot_id{};
    std::uint8_t lane = 0;
    std::uint64_t first_held = 1, next = 1;
  };
  struct Item {
    bool is_gap = false;
    std::uint64_t first = 0, last = 0;
    std::string bytes;  // FrameBody or GapFrame
  };

  static base::Result<std::unique_ptr<Spool>> open(SpoolOptions options, const base::Id128& epoch,
                                                   const base::Id128& boot_id);
  ~Spool();

  std::uint64_t append(std::uint8_t lane, std::string body);
  void set_definitions(const telemetry::v1::Definitions& definitions);  // of the current epoch
  telemetry::v1::Definitions definitions(const base::Id128& epoch) const;

  /// Every stream held, oldest epoch first; the current epoch's two lanes always, last.
  std::vector<Stream> streams() const;
  /// The item that holds `sequence`, or the next one after it; nothing: none is left.
  std::optional<Item> read(const base::Id128& epoch, std::uint8_t lane, std::uint64_t sequence);
  void acknowledged(const base::Id128& epoch, std::uint8_t lane, std::uint64_t stored);
  /// The hub can never take this frame: a gap `refused` takes its place.
  void refuse(const base::Id128& epoch, std::uint8_t lane, std::uint64_t sequence);
  /// Moves the times of this boot's frames that were made by an unsynchronised clock (also of earlier starts), once and
  /// durably: to be called before any of them is sent. Frames of earlier boots cannot be placed and go as they are,
  /// flagged. Where the disk fails, the rest
  /// stay as they are.
  base::Result<void> place_times(std::int64_t wall_minus_boot_us);
  base::Result<void> flush();

  std::size_t held() const;  // frames and gaps
  std::size_t disk_bytes() const { return disk_bytes_; }
  std::uint64_t written_bytes() const { return written_bytes_; }
  std::uint64_t dropped_frames() const { return dropped_frames_; }
  std::uint64_t damaged_records() const { return damaged_; }

 private:
  struct Segment {
    std::string path;
    std::size_t bytes = 0;
    std::size_t live = 0;  // items that are still wanted
    bool damaged = false;
  };
  using SegmentPtr = std::shared_ptr<Segment>;
  struct Entry {
    bool is_gap = false;
    bool is_unplaced = false;  // a frame whose times stand by an unsynchronised clock
    std::uint64_t first = 0, last = 0;
    std::string bytes;   // empty once on disk
    SegmentPtr segment;  // null while in memory only
    std::size_t offset = 0, size = 0;
  };
  struct Key {
    base::Id128 epoch{};
    std::uint8_t lane = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Lane {
    std::uint64_t age = 0;  // order of epochs as they were made
    base::Id128 boot_id{};
    std::deque<Entry> entries;
    std::uint64_t next = 1;
  };

  explicit Spool(SpoolOptions options) : options_(std::move(options)) {}
  // spool_load.cpp
  void load(const std::string& path);
  void add_epoch(const base::Id128& epoch, const base::Id128& boot);
  void take_in(Lane& lane, Entry entry);
  void note_holes();

  base::Result<void> sync();
  base::Result<void> open_segment();
  base::Result<void> write_held();
  base::Result<void> write_entry(const Key& key, const Lane& lane, Entry& entry);
  base::Result<void> write_epoch(const base::Id128& epoch, const base::Id128& boot_id);
  base::Result<void> write_record(const std::string& record);
  void release(Entry& entry);
  void drop_oldest();
  std::optional<std::string> bytes_of(const Entry& entry) const;

  SpoolOptions options_;
  base::Id128 epoch_{}, boot_id_{};
  std::map<Key, Lane> lanes_;
  std::map<base::Id128, telemetry::v1::Definitions> definitions_;
  std::uint64_t next_age_ = 1;
  std::uint64_t next_file_ = 1;
  SegmentPtr current_;
  std::vector<Entry> superseded_;  // where frames stood that place_times() moved: given up once those are durable
  int fd_ = -1;
  bool is_unsynced_ = false;     // something was written since the last fdatasync
  base::Id128 segment_epoch_{};  // which epoch's records the current segment goes on with
  int definitions_written_ = 0;  // of the current epoch, in the current segment
  std::size_t disk_bytes_ = 0;
  std::uint64_t written_bytes_ = 0, dropped_frames_ = 0, damaged_ = 0;
};

}  // namespace agent
