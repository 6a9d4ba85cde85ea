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
#include "hub/commands/command_service.h"
#include "hub/devices/device_registry.h"
#include "hub/identity/identity.h"
#include "hub/ingest/device_gateway.h"
#include "hub/live/live_core.h"
#include "hub/storage/event_store.h"
#include "hub/storage/readings_store.h"
#include "wire/http.h"

namespace hub {

struct WebServices {
  ReadingsStore& readings;
  DeviceRegistry& devices;
  DeviceLinks& links;
  Identity& identity;
  CommandService& commands;  // on control
  AlertService& alerts;      // on control
  base::Worker& control;
  const base::Clock& clock;
  std::function<std::string()> metrics;  // Prometheus text; thread-safe
  std::function<bool()> ready;           // /readyz
};

struct WebOptions {
  std::uint16_t port = 8443;
  std::string bind_address = "::";   // both families; "0.0.0.0" where IPv6 is off
  std::string public_host;           // in printed URLs and enrolment commands
  std::string ca_sha256_hex;         // in enrolment commands
  std::string web_root;              // --web-root: serve the dashboard from here instead of what is embedded
  std::size_t connections = 20'000;  // a core; past it a socket is closed at once
  std::size_t handshakes = 128;      // in progress on a core
};

/// One per I/O core, on its executor; all cores listen on the same port (SO_REUSEPORT).
class WebServer {
 public:
  WebServer(boost::asio::any_io_executor executor, WebServices services, LiveCore& live, DeviceGateway& devices,
            wire::ServerTls tls, WebOptions options);
  ~WebServer();
  /// Binds and starts accepting. errc text names the address and port where they are taken.
  Outcome<bool> start();
  boost::asio::awaitable<void> stop();  // no new connections; open requests end

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hub
