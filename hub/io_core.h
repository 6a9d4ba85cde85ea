// One I/O thread: its io_context, its web server, its device sessions and live streams.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <future>
#include <memory>
#include <thread>

#include "hub/ingest/device_gateway.h"
#include "hub/live/live_core.h"
#include "hub/web/web_server.h"
#include "wire/task_group.h"

namespace hub {

/// What a core is made of; everything named here outlives it.
struct IoCoreParts {
  IngestServices ingest;
  IngestLimits ingest_limits;
  WebServices web;
  WebOptions web_options;
  LiveLimits live_limits;
  EventStore& events;
  Bus& bus;
  wire::ServerTls tls;
};

/// listen(), run(), then begin_stop() and wait_stopped() from the owner's thread; destroy afterwards.
class IoCore {
 public:
  IoCore(unsigned number, IoCoreParts parts);
  ~IoCore();
  IoCore(const IoCore&) = delete;
  IoCore& operator=(const IoCore&) = delete;

  Outcome<bool> listen();  // connections wait in the queue until run()
  void run();
  std::uint16_t port() const { return web_.port(); }
  void use_tls(wire::ServerTls tls) { web_.use_tls(std::move(tls)); }

  /// Closes every session as its protocol says, and the listening socket.
  void begin_stop();
  /// False where sessions are still open at `deadline`; the thread then still runs.
  bool wait_stopped(std::chrono::steady_clock::time_point deadline);

  DeviceGateway::Counters ingest_counters() const { return gateway_.counters(); }
  LiveCore::Counters live_counters() const { return live_.counters(); }
  WebServer::Counters web_counters() const { return web_.counters(); }

 private:
  boost::asio::awaitable<void> finish();

  const unsigned number_;
  std::shared_ptr<spdlog::logger> log_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  LiveCore live_;
  DeviceGateway gateway_;
  WebServer web_;
  wire::TaskGroup closing_, finishing_;
  std::promise<void> stopped_;
  std::thread thread_;
};

}  // namespace hub
