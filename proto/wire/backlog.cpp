#include "wire/backlog.h"

#include <algorithm>
#include <cstring>

namespace wire {
namespace {

constexpr std::size_t kSmallestBlock = 1024, kLargestBlock = 16 * 1024;

}  // namespace

void Backlog::append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (blocks_.empty() || blocks_.back().size == blocks_.back().capacity) {
      const std::size_t capacity = std::clamp(std::max(size_, bytes.size()), kSmallestBlock, kLargestBlock);
      blocks_.push_back({std::make_unique_for_overwrite<char[]>(capacity), capacity, 0});
    }
    auto& block = blocks_.back();
    const std::size_t n = std::min(bytes.size(), block.capacity - block.size);
    std::memcpy(block.data.get() + block.size, bytes.data(), n);
    block.size += n;
    size_ += n;
    bytes.remove_prefix(n);
  }
}

std::size_t Backlog::front(std::span<iovec> into) const {
  const std::size_t count = std::min(into.size(), blocks_.size());
  std::size_t sent = sent_;
  for (std::size_t i = 0; i < count; ++i) {
    into[i] = {blocks_[i].data.get() + sent, blocks_[i].size - sent};
    sent = 0;
  }
  return count;
}

void Backlog::consume(std::size_t bytes) {
  size_ -= bytes;
  sent_ += bytes;
  std::size_t gone = 0;
  while (gone < blocks_.size() && sent_ >= blocks_[gone].size) sent_ -= blocks_[gone++].size;
  blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(gone));
  if (size_ == 0) clear();
}

void Backlog::clear() {
  std::vector<Block>().swap(blocks_);
  size_ = sent_ = 0;
}

}  // namespace wire
