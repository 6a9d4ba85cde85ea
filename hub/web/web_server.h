// The hub's one port on one I/O core: HTTPS, REST, dashboard, and the two WebSocket endpoints.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "hub/alerts/alert_service.h"
#include "hub/audit/audit_log.h"
#include "hub/commands/command_service.h"
#include "hub/core/ca_bundle.h"
#include "hub/devices/device_registry.h"
#include "hub/identity/approval_desk.h"
#include "hub/identity/identity.h"
#include "hub/ingest/device_gateway.h"
#include "hub/live/live_core.h"
#include "hub/storage/event_store.h"
#include "hub/storage/readings_store.h"
#include "hub/web/admission.h"
#include "hub/web/agent_packages.h"
#include "hub/web/poll_desk.h"
#include "wire/http.h"

namespace spdlog {
class logger;
}

namespace hub {

/// What /hub and the dashboard's status line show of the last seconds; counted by App.
struct HubActivity {
  std::int64_t uptime_s = 0;
  double readings_per_s = 0, frames_per_s = 0, commits_per_s = 0;
  std::uint64_t devices_connected = 0, viewers = 0;
  std::uint64_t memory_bytes = 0;  // resident
};

struct WebServices {
  ReadingsStore& readings;
  DeviceRegistry& devices;
  DeviceLinks& links;
  Identity& identity;
  CommandService& commands;  // on control
  AlertService& alerts;      // on control
  AuditLog& audit;
  ApprovalDesk& approvals;    // on control
  const CaBundle& ca_bundle;  // its signer in enrolment commands, all of it for devices that enrol
  base::Worker& control;
  const base::Clock& clock;
  std::function<std::string()> metrics;   // Prometheus text; thread-safe
  std::function<bool()> ready;            // /readyz
  std::function<HubActivity()> activity;  // thread-safe
  std::shared_ptr<spdlog::logger> log;
  std::shared_ptr<web::PollDesk> polls;  // one for all cores
};

struct WebOptions {
  std::uint16_t port = 8443;
  std::string bind_address = "::";  // both families; "0.0.0.0" where IPv6 is off
  std::string public_host;          // in printed URLs and enrolment commands
  std::shared_ptr<const web::AgentPackages> agent_packages = std::make_shared<const web::AgentPackages>();
  std::string device_server_name;    // whom they are to expect: hub-<id>
  std::string web_root;              // --web-root: serve the dashboard from here instead of what is embedded
  web::Admission::Limits admission;  // of each core; who gets no place is closed at once
  std::size_t device_message_bytes = 64 * 1024;
  std::size_t live_backlog_bytes = 256 * 1024;  // as LiveLimits
};

/// Whether `port` can be had: errc::conflict names address and port where another program listens there. SO_REUSEPORT
/// alone would let two hubs of one user share a port without a word. Port 0 is always free.
Outcome<bool> check_port(const std::string& bind_address, std::uint16_t port);

/// One per I/O core, on its executor; all cores listen on the same port (SO_REUSEPORT). Each connection is a task of
/// its own: handshake, requests one after another, and the session of an upgrade.
class WebServer {
 public:
  WebServer(boost::asio::any_io_executor executor, WebServices services, LiveCore& live, DeviceGateway& devices,
            wire::ServerTls tls, WebOptions options);
  ~WebServer();
  /// Binds and starts accepting. errc text names the address and port where they are taken. Any thread, once.
  Outcome<bool> start();
  /// Where it listens: what `options.port` said, or what the system chose for 0.
  std::uint16_t port() const;
  /// New connections use these certificates from now on. Any thread.
  void use_tls(wire::ServerTls tls);
  /// No new connections; idle ones are closed, requests in progress get their answer. Completes when no connection is
  /// left: stop the gateway and the live core at the same time.
  boost::asio::awaitable<void> stop();

  struct Counters {
    std::uint64_t connections = 0, accepted = 0, handshakes_failed = 0;
    // Closed before or in their handshake: no place at all, none left for the address, came too often, pushed out.
    std::uint64_t refused_full = 0, refused_address_full = 0, refused_address_too_often = 0, handshakes_shed = 0;
    std::uint64_t timed_out = 0;  // the peer did not finish a request, or take an answer, in time
    std::uint64_t requests = 0, client_errors = 0, server_errors = 0;  // answers, and those with 4xx and 5xx
  };
  Counters counters() const;  // any thread

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hub
