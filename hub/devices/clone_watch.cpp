#include "hub/devices/clone_watch.h"

#include <algorithm>

namespace hub {

bool CloneWatch::connected(const DeviceId& device, const base::Id128& process, std::int64_t boot_us) {
  const std::lock_guard lock(mutex_);
  if (devices_.size() >= kMostDevices && !devices_.contains(device)) devices_.clear();
  Seen& seen = devices_[device];
  const auto end = seen.processes.begin() + static_cast<std::ptrdiff_t>(seen.count);
  const auto found = std::find(seen.processes.begin(), end, process);
  const bool came_back = found != end && found != seen.processes.begin();
  if (found == end) {
    seen.count = std::min(seen.count + 1, kRemembered);
    std::shift_right(seen.processes.begin(), seen.processes.begin() + static_cast<std::ptrdiff_t>(seen.count), 1);
  } else {
    std::rotate(seen.processes.begin(), found, found + 1);
  }
  seen.processes.front() = process;
  if (!came_back) return false;
  if (seen.returns == 0 || boot_us - seen.since_us > kWindow_us) {
    seen.returns = 0;
    seen.since_us = boot_us;
  }
  return ++seen.returns >= 2;
}

}  // namespace hub
