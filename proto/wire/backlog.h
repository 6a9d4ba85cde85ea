// Bytes that a socket has not taken yet.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace wire {

/// In blocks, each as large as all before it together, from 1 KiB up to 16 KiB: memory follows what waits, and nothing
/// is copied when more comes or some has left. While it is empty it holds no memory. It has no bound: its owner looks
/// at size().
class Backlog {
 public:
  void append(std::string_view bytes);
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// The oldest bytes as pieces for one gathered send; how many pieces there are. Valid until the next change.
  std::size_t front(std::span<iovec> into) const;
  /// The oldest `bytes` have left.
  void consume(std::size_t bytes);
  void clear();

 private:
  struct Block {
    std::unique_ptr<char[]> data;
    std::size_t capacity = 0, size = 0;
  };
  std::vector<Block> blocks_;  // oldest first
  std::size_t size_ = 0;
  std::size_t sent_ = 0;  // of the oldest block
};

}  // namespace wire
