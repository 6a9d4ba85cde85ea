// The newest of the spool, written where it costs an SD card least.
//
// <folder>/tail: blocks of 4,096 bytes, all of them written once with zeros when the file is made, so that a write
// changes one block and nothing else of the file system: u32 crc32 (of what follows in the block), u64 pass, u16 used,
// u16 0, payload. A pass begins at the first block; the payloads of its blocks, one behind the other, are records as in
// a segment. A block whose pass is an older one is of no meaning.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace agent {

/// What a tail file held at the start.
struct FoundTail {
  std::uint64_t pass = 0;     // 0: nothing
  std::string payload;        // of the blocks of that pass
  std::uint64_t damaged = 0;  // blocks that are neither whole nor unused, and a cut
  bool is_there = false;
};

/// Every write is durable when it returns and takes whole blocks that held nothing durable of this pass, so that a
/// power cut in the middle of one spoils nothing older. Lives on the agent's thread. Full when room() is 0: its owner
/// moves what is in it elsewhere and calls restart().
class TailFile {
 public:
  static constexpr std::size_t kBlock = 4'096, kHeader = 16, kPayload = kBlock - kHeader;

  TailFile(std::string path, std::size_t blocks) : path_(std::move(path)), blocks_(blocks) {}
  ~TailFile();
  TailFile(const TailFile&) = delete;
  TailFile& operator=(const TailFile&) = delete;

  /// The newest pass above `void_up_to`: the file is full of it until restart(). An error: the file is there and cannot
  /// be read.
  base::Result<FoundTail> load(std::uint64_t void_up_to);
  /// Makes the file where it is missing. On failure nothing of `payload` counts as written.
  /// An empty one makes what was there before restart() void.
  base::Result<void> write(std::string_view payload);
  /// How many bytes one more write may have.
  std::size_t room() const { return at_ >= blocks_ ? 0 : (blocks_ - at_) * kPayload; }
  /// Nothing that is not void.
  bool is_empty() const { return !has_payload_; }
  std::uint64_t pass() const { return pass_; }
  /// Everything in it is void: the next write begins a new pass.
  void restart();
  void close();
  std::size_t file_bytes() const { return file_bytes_; }
  std::uint64_t written_bytes() const { return written_; }
  const std::string& path() const { return path_; }

 private:
  base::Result<void> make();
  void drop_cached();

  const std::string path_;
  const std::size_t blocks_;  // 0: there is no tail
  int fd_ = -1;
  std::size_t at_ = 0;  // the next block
  bool has_payload_ = false;
  bool is_spoiled_ = false;  // to be made anew
  std::uint64_t pass_ = 1;
  std::size_t file_bytes_ = 0;
  std::uint64_t written_ = 0;
};

}  // namespace agent
