// Device sessions of one I/O core.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/random.h"
#include "base/worker.h"
#include "hub/alerts/alert_service.h"
#include "hub/commands/command_service.h"
#include "hub/core/ca_bundle.h"
#include "hub/devices/clone_watch.h"
#include "hub/devices/device_links.h"
#include "hub/devices/device_registry.h"
#include "hub/identity/identity.h"
#include "hub/ingest/ingest_counters.h"
#include "hub/storage/readings_store.h"
#include "wire/connection.h"

namespace hub {

struct IngestLimits {
  std::size_t message_bytes = 64 * 1024;
  std::size_t credit_live_bytes = 1024 * 1024;  // a session
  std::size_t credit_backfill_bytes = 1024 * 1024;
  std::size_t budget_bytes = 64 * 1024 * 1024;  // hub-wide, unacknowledged; all sessions share it
  std::int64_t future_tolerance_us = 10 * 60 * 1'000'000LL;
  std::uint32_t heartbeat_ms = 15'000;
  std::int64_t hello_timeout_us = 10'000'000;
  double device_messages_per_s = 1'000, device_bytes_per_s = 4 * 1024 * 1024;  // of one device; see DevicePace
};

/// Everything a session needs of the hub. References outlive the gateway.
struct IngestServices {
  ReadingsStore& readings;
  DeviceRegistry& devices;
  DeviceLinks& links;
  CloneWatch& clones;
  Identity& identity;
  CommandService& commands;  // on control
  AlertService& alerts;      // on control
  base::Worker& control;
  const base::Clock& clock;
  base::Random& random;
  const CaBundle& ca_bundle;  // given to devices that enrol, and to those that have another one
  std::string server_name;    // whom they are to expect: hub-<id>
  /// One for the whole hub: make the services once and copy them to the gateway of each core.
  std::shared_ptr<IngestBudget> budget = std::make_shared<IngestBudget>();
};

/// One per I/O core, on its executor. stop() closes every device with 4203 and a spread, then serve() calls return.
class DeviceGateway {
 public:
  DeviceGateway(boost::asio::any_io_executor executor, IngestServices services, IngestLimits limits = {});
  ~DeviceGateway();
  /// `device`: from the credential of the upgrade; nothing: the first message must carry a token (Hello.token) or an
  /// Enroll.
  boost::asio::awaitable<void> serve(std::unique_ptr<wire::Connection> connection, std::optional<Principal> device);
  boost::asio::awaitable<void> stop();

  struct Counters {
    std::uint64_t sessions = 0, frames = 0, readings = 0, duplicates = 0, rejected_frames = 0, rejected_readings = 0,
                  bytes = 0;
    std::uint64_t rests = 0;           // devices that had to wait since they were too fast
    std::uint64_t hello_timeouts = 0;  // sockets that said nothing in time
  };
  Counters counters() const;  // any thread

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hub
