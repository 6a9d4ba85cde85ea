// Carries commits and events from where they become durable to everything that shows or acts on them.
// Engines: in_process (one hub); nats (many hubs) later. tests/contract runs one suite over every bus.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <variant>

#include "hub/core/reading.h"
#include "hub/devices/device_registry.h"
#include "hub/storage/event_store.h"

namespace hub {

using EventPtr = std::shared_ptr<const Event>;
using BusItem = std::variant<CommitPtr, EventPtr, std::shared_ptr<const PresenceChange>,
                             std::shared_ptr<const std::vector<SeriesRecord>>>;

/// One subscriber's end. deliver() is called on publishers' threads and must only hand over to the subscriber's own
/// thread; commits arrive in commit order, events in id order. What to do when the subscriber lags is the sink's:
/// commits can be read again from the store by number, events from the event store by id, so a sink may drop and
/// remember that it did.
class BusSink {
 public:
  virtual ~BusSink() = default;
  virtual void deliver(const BusItem& item) = 0;
};

/// Thread-safe. subscribe/unsubscribe at start and stop; after unsubscribe() returns, deliver() is not running and will
/// not be.
class Bus {
 public:
  virtual ~Bus() = default;
  virtual void publish(BusItem item) = 0;
  virtual void subscribe(std::shared_ptr<BusSink> sink) = 0;
  virtual void unsubscribe(const std::shared_ptr<BusSink>& sink) = 0;
};

std::unique_ptr<Bus> make_in_process_bus();

}  // namespace hub
