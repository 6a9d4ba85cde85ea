// How the rest of the hub reaches a connected device.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hub/core/ids.h"
#include "telemetry/v1/device.pb.h"

namespace hub {

using HubMessagePtr = std::shared_ptr<const telemetry::v1::HubMessage>;

/// Thread-safe table of live device sessions. A session registers a function that posts to its own core; it must not
/// block and answers false where its outbound queue (256 messages) is full or it is closing. The newer session of a
/// device replaces the older, whose `close` is called (`replaced`, 4201). A link's functions are called without the
/// table's lock, so one may still be called while or just after detach() runs: it must own what it touches. Holds one
/// entry a connected device.
class DeviceLinks {
 public:
  struct Link {
    std::function<bool(HubMessagePtr)> send;
    std::function<void(std::uint16_t close_code, const char* reason)> close;
    std::string api_token_key{};  // of the program that sends for the device; empty: the device itself
    std::int64_t ends_us = 0;     // Unix time at which its certificate expires; 0: it has none
  };
  /// Returns the session's number; pass it to detach(), which does nothing if a newer session took over.
  std::uint64_t attach(const DeviceId& device, Link link);
  /// True where this session was the current one.
  bool detach(const DeviceId& device, std::uint64_t session);
  /// False: not connected, or its queue is full. True says handed over, not delivered.
  bool send(const DeviceId& device, HubMessagePtr message);
  void close(const DeviceId& device, std::uint16_t close_code, const char* reason);
  bool is_connected(const DeviceId& device) const;
  std::size_t size() const;
  /// The devices for which programs send, and what those signed in with: someone must ask whether they still may.
  std::vector<std::pair<DeviceId, std::string>> sent_for() const;
  /// The devices whose certificate has expired since they signed in.
  std::vector<DeviceId> expired(std::int64_t now_us) const;

 private:
  struct Entry {
    std::uint64_t session;
    std::shared_ptr<const Link> link;
  };
  mutable std::mutex mutex_;
  std::uint64_t next_session_ = 1;
  std::unordered_map<DeviceId, Entry> links_;
};

}  // namespace hub
