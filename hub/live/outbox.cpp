#include "hub/live/outbox.h"

#include <algorithm>
#include <utility>

namespace hub::live {

void Outbox::push(Fragment fragment, Kind kind) {
  const auto k = static_cast<std::size_t>(kind);
  bytes_[k] += fragment->size();
  ++counts_[k];
  pieces_.push_back({std::move(fragment), kind, std::exchange(cut_, false)});
}

void Outbox::cut() {
  cut_ = !pieces_.empty();
}

void Outbox::drop(Kind kind) {
  std::vector<Piece> kept;
  bool cut_before = false;  // a dropped piece's cut is for what came behind it
  for (auto& piece : pieces_) {
    cut_before = cut_before || piece.starts_message;
    if (piece.kind == kind) continue;
    piece.starts_message = std::exchange(cut_before, false) && !kept.empty();
    kept.push_back(std::move(piece));
  }
  cut_ = (cut_ || cut_before) && !kept.empty();
  pieces_ = std::move(kept);
  bytes_[static_cast<std::size_t>(kind)] = counts_[static_cast<std::size_t>(kind)] = 0;
}

void Outbox::clear() {
  pieces_.clear();
  if (pieces_.capacity() > kMaxBuffers) pieces_.shrink_to_fit();
  std::fill(std::begin(bytes_), std::end(bytes_), 0);
  std::fill(std::begin(counts_), std::end(counts_), 0);
  cut_ = false;
}

}  // namespace hub::live
