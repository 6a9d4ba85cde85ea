#include "hub/commands/execution_state.h"

namespace hub {

const char* to_string(ExecutionState s) {
  switch (s) {
    case ExecutionState::queued:
      return "QUEUED";
    case ExecutionState::sent:
      return "SENT";
    case ExecutionState::accepted:
      return "ACCEPTED";
    case ExecutionState::running:
      return "RUNNING";
    case ExecutionState::succeeded:
      return "SUCCEEDED";
    case ExecutionState::failed:
      return "FAILED";
    case ExecutionState::rejected:
      return "REJECTED";
    case ExecutionState::expired:
      return "EXPIRED";
    case ExecutionState::cancelled:
      return "CANCELLED";
    case ExecutionState::unconfirmed:
      return "UNCONFIRMED";
  }
  return "UNKNOWN";
}

bool may_follow(ExecutionState from, ExecutionState to) {
  using S = ExecutionState;
  if (is_final(from)) return false;
  switch (to) {
    case S::queued:
    case S::sent:
      return false;  // the hub's own
    case S::accepted:
      return from == S::sent || from == S::unconfirmed;
    case S::running:
      return from != S::queued;
    case S::succeeded:
    case S::failed:
    case S::rejected:
    case S::expired:
    case S::cancelled:
      return from != S::queued;
    case S::unconfirmed:
      return from == S::sent || from == S::accepted || from == S::running;
  }
  return false;
}

}  // namespace hub
