// Events that are kept (alerts, executions, twin …): numbered, stored in the same transaction as what they tell of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/ids.h"

namespace hub {

struct Event {
  std::uint32_t id = 0;  // grows; given by the store
  std::int64_t time_us = 0;
  DeviceId device;   // empty: about no one device
  std::string kind;  // "alert", "execution", "device"
  std::string object_id;
  std::string body_json;  // what REST returns for the object
};

class EventStore {
 public:
  virtual ~EventStore() = default;
  /// After `after_id`, at most `limit`, oldest first. Called on control. The newest 100,000 are kept.
  virtual Result<std::vector<Event>> events_after(std::uint32_t after_id, std::size_t limit) = 0;
  virtual Result<std::uint32_t> last_event_id() = 0;
};

}  // namespace hub
