#include "hub/storage/sqlite/refused_streams.h"

#include <algorithm>

namespace hub::sqlite {
namespace {

constexpr std::size_t kMaxStreams = 65'536;

}  // namespace

void RefusedStreams::mark(const StoredFrame& frame) {
  if (refused_.size() >= kMaxStreams && !refused_.contains(frame.stream)) refused_.erase(refused_.begin());
  const auto [it, added] = refused_.emplace(frame.stream, frame.first_sequence);
  if (!added) it->second = std::min(it->second, frame.first_sequence);
}

bool RefusedStreams::allows(const StoredFrame& frame) {
  if (refused_.empty()) return true;
  const auto it = refused_.find(frame.stream);
  if (it == refused_.end()) return true;
  if (frame.first_sequence > it->second) return false;
  if (frame.last_sequence >= it->second) refused_.erase(it);
  return true;
}

}  // namespace hub::sqlite
