// Commands whose state is true: durable executions, sent to devices, settled by what devices say.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/worker.h"
#include "hub/devices/device_links.h"
#include "hub/devices/device_registry.h"
#include "hub/storage/event_store.h"
#include "hub/storage/execution_store.h"
#include "telemetry/v1/device.pb.h"

namespace spdlog {
class logger;
}

namespace hub {

struct CommandRequest {
  DeviceId device;
  std::string command;
  std::string arguments_json = "{}";
  std::int64_t not_after_us = 0;  // 0: now + 60 s; at most 7 days ahead
  std::string idempotency_key;    // the same key and device again: the same execution
  std::string requested_by;
};

/// QUEUED → SENT → ACCEPTED → RUNNING → SUCCEEDED | FAILED | REJECTED | EXPIRED | CANCELLED; UNCONFIRMED when a sent
/// one passes its deadline plus timeout unheard, or the device was interrupted and does not know either, until a later
/// truth (execution_state.h has the table). Owns the memory of open executions; lives on `control`: call everything
/// there. One in flight per device, at most 100 queued a device (then busy). Every change is one hub.db transaction
/// with its event; then `publish`. Progress of a RUNNING one is stored at most twice a second, so that a talkative
/// device costs no more. A change that hub.db refuses has not happened: the device is asked again, the tick tries
/// again. Ends by destruction; there is nothing to wait for.
///
/// SENT is stored before the message is handed to the connection, and taken back where that did not take it: a crash
/// in between leaves SENT (asked again at the next connection), never a QUEUED that runs. Where asking does not go
/// through (a full connection), it is tried again 10 s later.
class CommandService {
 public:
  CommandService(ExecutionStore& store, DeviceRegistry& devices, DeviceLinks& links, base::Worker& control,
                 const base::Clock& clock, base::Random& random, std::function<void(Event)> publish,
                 std::shared_ptr<spdlog::logger> log = nullptr);  // none: the program's default logger
  ~CommandService();
  CommandService(const CommandService&) = delete;
  CommandService& operator=(const CommandService&) = delete;
  /// Loads open executions; those SENT before a restart stay SENT until the device tells, or become UNCONFIRMED.
  Result<void> start();

  /// Validates that the device declared the command and that the arguments fit its schema (or names ping / sample-now).
  Outcome<ExecutionRecord> create(CommandRequest request);
  Outcome<ExecutionRecord> get(const ExecutionId& id);
  /// Newest first.
  Outcome<std::vector<ExecutionRecord>> list(const DeviceId& device, std::size_t limit);
  /// QUEUED: CANCELLED at once. SENT or later: asks the device, now or when it connects; the state follows what it
  /// says. UNCONFIRMED: asks now only. A wish is not stored: a restart of the hub forgets it. conflict: it has ended.
  Outcome<ExecutionRecord> cancel(const ExecutionId& id);

  void device_connected(const DeviceId& device);  // sends what is queued; re-sends what was sent and is unheard
  void device_disconnected(const DeviceId& device);
  void device_update(const DeviceId& device, const telemetry::v1::ExecutionUpdate& update);
  /// Expires and unconfirms; called each second by App.
  void tick();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// {id, device, command, arguments, state, progress, output, exit_code, error, result, created_at, not_after,
/// updated_at, requested_by}
boost::json::value to_json(const ExecutionRecord& execution);

}  // namespace hub
