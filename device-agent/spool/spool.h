// What the hub has not acknowledged yet: in memory while young, on disk when older, nothing of it ever renumbered.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "device-agent/spool/spool_segment.h"
#include "device-agent/spool/tail_file.h"
#include "telemetry/v1/device.pb.h"

namespace agent {

struct SpoolOptions {
  std::string folder;
  std::size_t max_bytes = 64 * 1024 * 1024;  // on disk; past it the oldest segment becomes gap records
  std::size_t segment_bytes = 1024 * 1024;
  std::size_t tail_bytes = 1024 * 1024;            // of the tail file, at most a 64th of max_bytes; 0: none
  std::size_t max_memory_bytes = 4 * 1024 * 1024;  // while the disk takes nothing; past it the oldest becomes a gap
};

/// What open() found that somebody should know.
struct SpoolFindings {
  std::uint64_t damaged = 0;     // places; the files are kept as *.damaged, the newest eight of them
  std::uint64_t newer = 0;       // files, or parts of them, that only a newer version can read; kept as *.newer
  std::uint64_t unreadable = 0;  // files that the system does not give out; left where they are
};

/// Lives on the agent's thread. Frames are appended with the next number of their lane in this start's epoch; epoch,
/// lane and number never change, bytes only by place_times(). flush() makes everything durable that is held: the agent
/// calls it every few seconds (the loss window of a power cut) and at its end. acknowledged() forgets. Whatever is
/// dropped, damaged or refused becomes a gap under the same numbers.
///
/// Full: on disk the oldest segment goes; in memory, where the disk fails, the oldest frames go. Memory: frames on disk
/// cost nothing each (a run of them is one entry), so it grows with the number of segments, not of frames. A small
/// flush goes into the tail (tail_file.h), one block and nothing else; when that is full, all of it moves to a segment.
///
/// No disk at all, or a read-only one, is no reason to fail: open() succeeds, flush() says what is wrong until it
/// works.
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
  /// Whether something that is not durable yet was there already at the last call: asked once a flush interval, it
  /// tells whether a flush is due although the hub is connected.
  bool is_behind();

  std::size_t unsaved_bytes() const;  // in memory only
  std::size_t held() const;           // frames and gaps
  std::size_t disk_bytes() const { return segment_bytes_ + tail_.file_bytes(); }
  std::size_t memory_bytes() const { return memory_bytes_; }
  std::uint64_t written_bytes() const { return written_bytes_ + tail_.written_bytes(); }
  std::uint64_t dropped_frames() const { return dropped_frames_; }
  std::uint64_t dropped_readings() const { return dropped_readings_; }
  std::uint64_t damaged_records() const { return findings_.damaged; }
  const SpoolFindings& findings() const { return findings_; }

 private:
  struct Entry {
    bool is_gap = false;
    bool is_unplaced = false;           // frames whose times stand by an unsynchronised clock
    bool is_staged = false;             // written into `segment`, not known to be durable
    bool in_tail = false;               // durable there, and in memory
    std::uint64_t first = 0, last = 0;  // of frames in memory one, on disk a run that stands in one segment
    std::string bytes;                  // while in memory
    SegmentPtr segment;                 // null: in memory only
    bool in_memory() const { return segment == nullptr || is_staged; }
    std::uint64_t items() const { return is_gap ? 1 : last - first + 1; }
  };
  struct Lane {
    std::uint64_t age = 0;  // order of epochs as they were made
    base::Id128 boot_id{};
    std::deque<Entry> entries;  // by number, none of them twice
    std::uint64_t next = 1;
    std::uint64_t seen = 1;  // `next` at the last is_behind()
  };
  using Entries = std::deque<Entry>;

  explicit Spool(SpoolOptions options);
  // spool_load.cpp
  struct Loading;
  void load_segment(const std::string& path, Loading& loading);
  void load_tail(Loading& loading);
  void take_record(const struct SpoolRecord& record, const SegmentPtr& segment, Loading& loading);
  void add_epoch(const base::Id128& epoch, const base::Id128& boot);
  void take_in(Lane& lane, Entry entry);
  std::uint64_t note_holes();
  std::optional<std::pair<std::int64_t, std::int64_t>> times_at(const StreamKey& key, const Entry& entry,
                                                                std::uint64_t sequence);
  void note_unknown_loss(const Loading& loading);
  bool keep_aside(const std::string& path, const char* extension);

  // spool_write.cpp
  base::Result<void> write_new();
  base::Result<void> write_tail();
  base::Result<void> write_held();
  base::Result<void> stage_held();
  base::Result<void> stage(const StreamKey& key, const Lane& lane, Entry& entry);
  base::Result<void> open_segment();
  base::Result<void> sync();
  base::Result<void> write_record(const std::string& record);
  base::Result<void> write_epoch(const base::Id128& epoch, const base::Id128& boot_id);
  void settle();
  void abandon_segment();

  // spool_entries.cpp
  void push_memory(Lane& lane, Entry entry);
  void discard(Entry& entry);
  void give_up(const SegmentPtr& segment, std::uint64_t items);
  void remove(const SegmentPtr& segment);
  void carve(Lane& lane, std::uint64_t first, std::uint64_t last);
  Entries::iterator insert(Lane& lane, Entry entry);
  base::Result<std::string> bytes_of(const StreamKey& key, const Entry& entry, std::uint64_t sequence);
  void lose(const StreamKey& key, Lane& lane, std::uint64_t first, std::uint64_t last);
  Entries::iterator merge_with_previous(const StreamKey& key, Lane& lane, Entries::iterator gap);
  bool drop_oldest_segment();
  bool drop_oldest_memory();

  SpoolOptions options_;
  base::Id128 epoch_{}, boot_id_{};
  std::map<StreamKey, Lane> lanes_;
  std::map<base::Id128, telemetry::v1::Definitions> definitions_;
  std::map<std::uint64_t, SegmentPtr> segments_;  // by number, oldest first
  SegmentIndex index_;
  TailFile tail_;
  std::size_t tail_entries_ = 0;  // that are in_tail
  int tail_definitions_ = 0;      // of the current epoch, in this pass
  std::uint64_t void_pass_ = 0;   // passes of the tail up to this one are void
  std::uint64_t next_age_ = 1;
  std::uint64_t next_file_ = 1;
  SegmentPtr current_;
  std::vector<SegmentPtr> superseded_;  // held by frames that place_times() moved: given up once those are durable
  int fd_ = -1;
  bool is_unsynced_ = false;     // something was written since the last fdatasync
  base::Id128 segment_epoch_{};  // which epoch's records the current segment goes on with
  int definitions_written_ = 0;  // of the current epoch, in the current segment
  std::size_t segment_bytes_ = 0, memory_bytes_ = 0;
  std::uint64_t written_bytes_ = 0, dropped_frames_ = 0, dropped_readings_ = 0;
  SpoolFindings findings_;
};

}  // namespace agent
