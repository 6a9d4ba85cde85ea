#include "hub/commands/execution_state.h"

#include <array>
#include <cstddef>

namespace hub {
namespace {

constexpr unsigned bit(ExecutionState s) {
  return 1u << static_cast<unsigned>(s);
}

using enum ExecutionState;

constexpr unsigned kEnds = bit(succeeded) | bit(failed) | bit(rejected) | bit(expired) | bit(cancelled);

struct Row {
  ExecutionState from;
  unsigned to;
};
// One row a state, in the order of the enum.
constexpr std::array<Row, 10> kTable{{
    // A report about a QUEUED one comes where hub.db was restored from before it was sent: the device knows better.
    {queued, bit(sent) | bit(accepted) | bit(running) | kEnds | bit(unconfirmed)},
    // Back to QUEUED: the connection did not take the message, so nobody has it.
    {sent, bit(queued) | bit(accepted) | bit(running) | kEnds | bit(unconfirmed)},
    {accepted, bit(running) | kEnds | bit(unconfirmed)},
    // What runs can no longer be refused, nor never have run. RUNNING again: progress and output.
    {running, bit(running) | bit(succeeded) | bit(failed) | bit(cancelled) | bit(unconfirmed)},
    {succeeded, 0},
    {failed, 0},
    {rejected, 0},
    {expired, 0},
    {cancelled, 0},
    {unconfirmed, bit(accepted) | bit(running) | kEnds},
}};

}  // namespace

bool is_legal(ExecutionState from, ExecutionState to) {
  const auto index = static_cast<std::size_t>(from) - 1;
  return index < kTable.size() && (kTable[index].to & bit(to)) != 0;
}

std::optional<ExecutionState> reported_state(telemetry::v1::ExecutionState state) {
  const auto same = static_cast<ExecutionState>(state);
  switch (state) {
    case telemetry::v1::EXECUTION_STATE_ACCEPTED:
    case telemetry::v1::EXECUTION_STATE_RUNNING:
    case telemetry::v1::EXECUTION_STATE_SUCCEEDED:
    case telemetry::v1::EXECUTION_STATE_FAILED:
    case telemetry::v1::EXECUTION_STATE_REJECTED:
    case telemetry::v1::EXECUTION_STATE_EXPIRED:
    case telemetry::v1::EXECUTION_STATE_CANCELLED:
    case telemetry::v1::EXECUTION_STATE_UNCONFIRMED:
      return same;
    default:
      return std::nullopt;
  }
}

const char* to_string(ExecutionState s) {
  switch (s) {
    case queued:
      return "QUEUED";
    case sent:
      return "SENT";
    case accepted:
      return "ACCEPTED";
    case running:
      return "RUNNING";
    case succeeded:
      return "SUCCEEDED";
    case failed:
      return "FAILED";
    case rejected:
      return "REJECTED";
    case expired:
      return "EXPIRED";
    case cancelled:
      return "CANCELLED";
    case unconfirmed:
      return "UNCONFIRMED";
  }
  return "UNKNOWN";
}

}  // namespace hub
