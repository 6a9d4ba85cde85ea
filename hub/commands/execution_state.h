// The states of an execution and which may follow which.
#pragma once

#include <optional>

#include "hub/storage/execution_store.h"
#include "telemetry/v1/device.pb.h"

namespace hub {

/// Whether an execution in state `from` may become `to`. Final states never change. UNCONFIRMED is not final: whatever
/// the device says later settles it.
bool is_legal(ExecutionState from, ExecutionState to);

/// With the device: it may be running now. At most one of a device, by the hub's doing.
constexpr bool is_in_flight(ExecutionState s) {
  return s == ExecutionState::sent || s == ExecutionState::accepted || s == ExecutionState::running;
}

/// A state that a device may report; nothing for those that only the hub can know (QUEUED, SENT). UNCONFIRMED from a
/// device: it was interrupted while it ran and does not know the outcome either.
std::optional<ExecutionState> reported_state(telemetry::v1::ExecutionState state);

}  // namespace hub
