// Tells a copied credential from a device that was restarted.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <unordered_map>

#include "base/bytes.h"
#include "hub/core/ids.h"

namespace hub {

/// Every start of an agent has a random process id, which no later one has again. So one that comes back after another
/// was there belongs to a program that ran all the while: two speak as one device, as after copying an SD card. In
/// memory only: two that alternate do so again after the hub's restart. Any thread.
class CloneWatch {
 public:
  static constexpr std::size_t kRemembered = 4;         // processes of one device, the latest
  static constexpr std::size_t kMostDevices = 100'000;  // past it all are forgotten: seen again within two connections

  /// `process` has introduced itself. True: another one was there since it was here last.
  bool connected(const DeviceId& device, const base::Id128& process);

 private:
  struct Seen {
    std::array<base::Id128, kRemembered> processes{};  // the latest first
    std::size_t count = 0;
  };
  std::mutex mutex_;
  std::unordered_map<DeviceId, Seen> devices_;
};

}  // namespace hub
