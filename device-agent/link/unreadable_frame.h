// Finds the frame that makes the hub close the connection each time it arrives.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace agent {

struct FrameKey {
  base::Id128 epoch{};
  std::uint8_t lane = 0;
  std::uint64_t sequence = 0;
  bool operator==(const FrameKey&) const = default;
};

/// After a close 1007 or 1009 any frame under way may be the one, so from then on they are sent one at a time; the one
/// under way at three further such closes in a row is given up. Without this it would be sent, and everything behind
/// it held up, for ever. Lives with its Link.
class UnreadableFrame {
 public:
  bool one_at_a_time() const { return careful_for_ > 0; }
  void acknowledged(std::size_t frames);
  /// The connection ended with `close_code` while `under_way` was not acknowledged. What to replace by a gap, if any.
  std::optional<FrameKey> ended(std::uint16_t close_code, const std::vector<FrameKey>& under_way);

 private:
  std::size_t careful_for_ = 0;  // frames
  FrameKey suspect_;
  int times_ = 0;
};

}  // namespace agent
