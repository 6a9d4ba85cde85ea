// Which executions this device has accepted, and how they ended: kept over restarts, so that nothing runs twice.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "telemetry/v1/device.pb.h"

namespace agent {

/// Holds the newest 256 executions in one small file, written whole at each change (commands are rare). Agent's thread.
class CommandLedger {
 public:
  static base::Result<CommandLedger> open(std::string path);
  std::optional<telemetry::v1::ExecutionUpdate> find(const std::string& id) const;
  /// Durable when it returns.
  base::Result<void> put(const telemetry::v1::ExecutionUpdate& update);
  /// For this process only: of what was refused the newest 256 are remembered, and nothing is written.
  void remember(const telemetry::v1::ExecutionUpdate& update);
  std::vector<telemetry::v1::ExecutionUpdate> all() const { return entries_; }

 private:
  std::string path_;
  std::vector<telemetry::v1::ExecutionUpdate> entries_;  // oldest first
  std::deque<telemetry::v1::ExecutionUpdate> refused_;   // not on the disk
};

}  // namespace agent
