// One file of the spool as it is read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace agent {

/// A numbered sequence of frames: one lane of one agent start.
struct StreamKey {
  base::Id128 epoch{};
  std::uint8_t lane = 0;
  auto operator<=>(const StreamKey&) const = default;
};

struct Segment {
  std::string path;
  std::uint64_t number = 0;
  std::size_t bytes = 0;
  std::size_t durable = 0;  // of the bytes, from the beginning
  std::size_t live = 0;     // items that are still wanted
};
using SegmentPtr = std::shared_ptr<Segment>;

/// A whole file in memory that goes back to the system with this object. Not a mapping of the file: a bad sector is an
/// error here and not a signal.
class FileBytes {
 public:
  static base::Result<FileBytes> read(const std::string& path);
  FileBytes() = default;
  FileBytes(FileBytes&& other) noexcept;
  FileBytes& operator=(FileBytes&& other) noexcept;
  ~FileBytes();
  std::string_view view() const { return {data_, size_}; }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Where the items of a segment stand. Holds that of one segment at a time (frames are read in their order), some 24
/// bytes an item, so that the spool itself keeps nothing a frame in memory. Checksums are looked at when it is made.
class SegmentIndex {
 public:
  /// The body of a frame, or of the gap that begins at `first`. EBADMSG: it is not there, or damaged; others as the
  /// system says.
  base::Result<std::string> read(const Segment& segment, const StreamKey& stream, bool is_gap, std::uint64_t first);
  void forget() { path_.clear(), items_.clear(), items_.shrink_to_fit(); }

 private:
  struct Item {
    std::uint64_t first = 0;
    std::uint32_t offset = 0, size = 0;
    std::uint16_t epoch = 0;  // index into epochs_
    std::uint8_t lane = 0;
    bool is_gap = false;
    auto place() const { return std::make_tuple(epoch, lane, is_gap, first); }
  };
  base::Result<void> load(const Segment& segment);
  const Item* find(const StreamKey& stream, bool is_gap, std::uint64_t first) const;

  std::string path_;       // empty: of none
  std::size_t bytes_ = 0;  // of the segment when it was looked through
  std::vector<base::Id128> epochs_;
  std::vector<Item> items_;  // sorted by place
};

}  // namespace agent
