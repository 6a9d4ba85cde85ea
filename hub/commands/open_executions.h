// Executions that are not settled, as the hub remembers them between hub.db's rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <unordered_map>
#include <vector>

#include "hub/storage/execution_store.h"

namespace hub {

struct OpenExecution {
  ExecutionRecord record;
  std::int64_t stored_boot_us = 0;  // when hub.db last took it
  bool is_dirty = false;            // progress that hub.db has not taken yet
  bool is_cancel_wished = false;    // ask the device, again at its next connection
};

/// QUEUED and in-flight executions by device, oldest first, and the ids of the newest UNCONFIRMED ones, which a device
/// is asked about when it connects. Bounded: `max_queued` a device by CommandService, plus one or few in flight, plus
/// `max_unconfirmed` ids a device (older ones stay in hub.db and are settled if the device speaks of them). Control
/// thread.
class OpenExecutions {
 public:
  static constexpr std::size_t max_queued = 100;
  static constexpr std::size_t max_unconfirmed = 100;

  OpenExecution& add(ExecutionRecord record);
  OpenExecution* find(const ExecutionId& id);
  void erase(const ExecutionId& id);

  void add_unconfirmed(const ExecutionRecord& record);
  void erase_unconfirmed(const DeviceId& device, const ExecutionId& id);
  std::vector<ExecutionId> unconfirmed_of(const DeviceId& device) const;

  /// Oldest first; valid until the next change.
  std::vector<OpenExecution*> of(const DeviceId& device);
  std::vector<DeviceId> devices() const;  // with QUEUED or in-flight ones
  std::size_t queued_count(const DeviceId& device);
  bool has_in_flight(const DeviceId& device);
  OpenExecution* first_queued(const DeviceId& device);
  std::vector<OpenExecution*> all();

 private:
  std::unordered_map<DeviceId, std::deque<ExecutionId>> by_device_;
  std::unordered_map<DeviceId, std::deque<ExecutionId>> unconfirmed_;
  std::map<ExecutionId, OpenExecution> open_;
};

}  // namespace hub
