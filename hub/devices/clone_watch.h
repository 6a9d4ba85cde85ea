// Tells a copied credential from a device that was restarted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/bytes.h"
#include "hub/core/ids.h"

namespace hub {

/// Every start of an agent has a random process id, which no later one has again. So one that comes back after another
/// was there belongs to a program that ran all the while: two speak as one device, as after copying an SD card. One
/// return may be a Hello that was overtaken on its way; two within a day are none. Copies of a machine that was frozen
/// while its agent ran have one process id, and are not told apart. In memory only: two that alternate do so again
/// after the hub's restart. Any thread.
class CloneWatch {
 public:
  static constexpr std::size_t kRemembered = 8;         // processes of one device, the latest
  static constexpr std::size_t kMostDevices = 100'000;  // past it all are forgotten: seen again two returns later

  static constexpr std::int64_t kWindow_us = 86'400'000'000;

  /// `process` has introduced itself. True: two hold the credential; said at each further return, too.
  bool connected(const DeviceId& device, const base::Id128& process, std::int64_t boot_us);

 private:
  struct Seen {
    std::array<base::Id128, kRemembered> processes{};  // the latest first
    std::size_t count = 0;
    std::uint32_t returns = 0;
    std::int64_t since_us = 0;  // of the first of these returns
  };
  std::mutex mutex_;
  std::unordered_map<DeviceId, Seen> devices_;
};

}  // namespace hub
