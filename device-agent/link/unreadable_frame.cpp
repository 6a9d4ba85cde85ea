#include "device-agent/link/unreadable_frame.h"

#include <algorithm>

namespace agent {
namespace {

constexpr int kTimes = 3;
constexpr std::size_t kCarefulFor = 256;  // more than a hub that grants the usual credit has under way

}  // namespace

void UnreadableFrame::acknowledged(std::size_t frames) {
  careful_for_ -= std::min(careful_for_, frames);
}

std::optional<FrameKey> UnreadableFrame::ended(std::uint16_t close_code, const std::vector<FrameKey>& under_way) {
  const bool is_unreadable = close_code == 1007 || close_code == 1009;
  if (!is_unreadable || under_way.empty()) return std::nullopt;
  careful_for_ = kCarefulFor;
  if (under_way.size() > 1) return std::nullopt;
  if (under_way.front() != suspect_) {
    suspect_ = under_way.front();
    times_ = 0;
  }
  if (++times_ < kTimes) return std::nullopt;
  times_ = 0;
  return suspect_;
}

}  // namespace agent
