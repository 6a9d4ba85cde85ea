// A device as the services see it: a link that records what it is sent, and may refuse to take it.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "hub/devices/device_links.h"

namespace fakes {

/// Attached to DeviceLinks while connected. Thread-safe.
class DeviceDesk {
 public:
  DeviceDesk(hub::DeviceLinks& links, hub::DeviceId device) : links_(links), device_(std::move(device)) {}
  ~DeviceDesk() { disconnect(); }
  void connect() {
    session_ = links_.attach(device_, {[this](hub::HubMessagePtr message) {
                                         if (is_full) return false;
                                         const std::lock_guard lock(mutex_);
                                         sent_.push_back(*message);
                                         return true;
                                       },
                                       [](std::uint16_t, const char*) {}});
  }
  void disconnect() {
    if (session_ != 0) links_.detach(device_, session_);
    session_ = 0;
  }
  /// Everything since the last call.
  std::vector<telemetry::v1::HubMessage> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(sent_, {});
  }
  std::atomic<bool> is_full{false};

 private:
  hub::DeviceLinks& links_;
  const hub::DeviceId device_;
  std::uint64_t session_ = 0;
  std::mutex mutex_;
  std::vector<telemetry::v1::HubMessage> sent_;
};

}  // namespace fakes
