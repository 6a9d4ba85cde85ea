// Executions of commands. Called on the control thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/ids.h"
#include "hub/storage/event_store.h"

namespace hub {

enum class ExecutionState : std::uint8_t {  // as telemetry.v1.ExecutionState
  queued = 1,
  sent,
  accepted,
  running,
  succeeded,
  failed,
  rejected,
  expired,
  cancelled,
  unconfirmed
};
const char* to_string(ExecutionState s);  // "QUEUED" …
constexpr bool is_final(ExecutionState s) {
  return s >= ExecutionState::succeeded && s <= ExecutionState::cancelled;
}

struct ExecutionRecord {
  ExecutionId id;
  DeviceId device;
  std::string command, arguments_json, requested_by, idempotency_key;
  ExecutionState state = ExecutionState::queued;
  std::int64_t created_us = 0, updated_us = 0, not_after_us = 0;
  std::uint32_t timeout_ms = 0, progress_percent = 0, device_revision = 0;
  std::string output, error, result_json;
  std::optional<std::int32_t> exit_code;
};

class ExecutionStore {
 public:
  virtual ~ExecutionStore() = default;
  /// Inserts or updates, with the event, in one transaction; the event's id is filled.
  virtual Result<void> put(const ExecutionRecord& execution, Event& event) = 0;
  virtual Result<std::optional<ExecutionRecord>> find(const ExecutionId& id) = 0;
  virtual Result<std::optional<ExecutionRecord>> find_by_key(const DeviceId& device,
                                                             const std::string& idempotency_key) = 0;
  virtual Result<std::vector<ExecutionRecord>> list(const DeviceId& device, std::size_t limit) = 0;
  virtual Result<std::vector<ExecutionRecord>> load_open() = 0;  // not final, UNCONFIRMED included
};

}  // namespace hub
