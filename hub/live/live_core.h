// Live streams of one I/O core: subscriptions, stitching of history to live, delivery.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/worker.h"
#include "hub/devices/device_registry.h"
#include "hub/identity/identity.h"
#include "hub/live/bus.h"
#include "hub/storage/event_store.h"
#include "hub/storage/readings_store.h"
#include "wire/connection.h"

namespace hub {

struct LiveLimits {
  std::size_t viewers = 5'000;  // a core; past it close 4102
  std::size_t subscriptions_per_viewer = 64;
  std::size_t series_per_viewer = 10'000;
  std::size_t history_part_bytes = 32 * 1024;
  std::size_t backlog_bytes = 256 * 1024;  // unsent to one viewer; past it: latest only, then close 4200 `slow`
  std::size_t backlog_total_bytes = 64 * 1024 * 1024;  // to all of a core; as it fills, less to each: BacklogShare
  std::int64_t tick_us = 20'000;
  std::int64_t backlog_age_us = 5'000'000;   // what waits longer to be taken counts as more than backlog_bytes
  std::int64_t slow_close_us = 30'000'000;   // no progress for so long: close 4200
  std::int64_t slow_linger_us = 30'000'000;  // and so long it may still read that, from its full socket …
  std::size_t slow_lingering = 64;           // … so many of a core at a time; past it two seconds, then the end
  std::size_t stalls_before_conflated = 3;   // within a minute: every reading is too much for this viewer, for a while
};

/// How a viewer is connected. Through HTTP answers (server-sent events, long polling) the same session speaks, in
/// smaller messages, since as JSON they become several times longer.
enum class LiveLink : std::uint8_t { websocket, event_stream, poll };

/// One per I/O core, on its executor. Owns the sessions' shared state; is a BusSink. Ends: stop() closes every viewer
/// (4203 shutting down), then serve() calls return.
class LiveCore {
 public:
  LiveCore(boost::asio::any_io_executor executor, ReadingsStore& readings, DeviceRegistry& devices, Identity& identity,
           EventStore& events, base::Worker& control, Bus& bus, const base::Clock& clock, LiveLimits limits = {});
  ~LiveCore();
  void start();
  /// Runs one viewer until it leaves. `who` has been allowed subscribe_live; permission is asked again while it lives.
  boost::asio::awaitable<void> serve(std::unique_ptr<wire::Connection> connection, Principal who,
                                     LiveLink link = LiveLink::websocket);
  boost::asio::awaitable<void> stop();

  struct Counters {
    std::uint64_t viewers = 0;                   // all of them
    std::uint64_t event_streams = 0, polls = 0;  // of these, those that are no WebSockets
    std::uint64_t subscriptions = 0, messages_sent = 0, bytes_sent = 0, slow_closed = 0;
    std::uint64_t backlog_bytes = 0;  // unsent to all viewers
  };
  Counters counters() const;  // any thread

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hub
