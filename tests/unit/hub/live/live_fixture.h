// A LiveCore on a thread of its own, with a registry, a store, and viewers in memory.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <thread>

#include "hub/live/live_core.h"
#include "tests/fakes/hub_fixture.h"
#include "tests/fakes/in_memory_readings_store.h"
#include "tests/fakes/live_view.h"
#include "tests/fakes/scripted_connection.h"

namespace hub {

namespace pb = telemetry::v1;
using Phase = pb::LivePhase;

inline constexpr std::int64_t kNow = 1'700'000'000'000'000;
inline constexpr std::int64_t kSecond = 1'000'000;

class ListedEvents final : public EventStore {
 public:
  Event add(const std::string& kind, const DeviceId& device = {}) {
    const std::lock_guard lock(mutex_);
    Event event;
    event.id = static_cast<std::uint32_t>(events_.size() + 1);
    event.time_us = kNow;
    event.device = device;
    event.kind = kind;
    event.body_json = "{}";
    events_.push_back(event);
    return event;
  }
  Result<std::vector<Event>> events_after(std::uint32_t after, std::size_t limit) override {
    const std::lock_guard lock(mutex_);
    std::vector<Event> found;
    for (std::size_t i = after; i < events_.size() && found.size() < limit; ++i) found.push_back(events_[i]);
    return found;
  }
  Result<std::uint32_t> last_event_id() override {
    const std::lock_guard lock(mutex_);
    return static_cast<std::uint32_t>(events_.size());
  }

 private:
  std::mutex mutex_;
  std::vector<Event> events_;
};

/// Everything of a hub that live streams touch. `readings` may be replaced before start().
class LiveWorld {
 public:
  struct Viewer {
    std::shared_ptr<fakes::ScriptedPeer> peer;
    fakes::LiveView view;
    std::future<void> served;

    void send(const pb::ViewerMessage& message) { peer->send(message.SerializeAsString()); }
    void subscribe(const pb::Subscribe& request) {
      pb::ViewerMessage message;
      *message.mutable_subscribe() = request;
      send(message);
    }
    /// Takes what comes until the view is as wanted; false where the connection ends or a minute passes before.
    template <class Wanted>
    bool until(Wanted wanted) {
      while (!wanted(view)) {
        const auto message = peer->receive();
        if (!message || !view.apply(*message)) return false;
      }
      return true;
    }
    bool until_phase(std::uint32_t subscription, Phase::Phase phase) {
      return until([&](const auto& v) {
        const auto it = v.subscriptions.find(subscription);
        return it != v.subscriptions.end() && it->second.phase() == phase;
      });
    }
    bool until_live(std::uint32_t subscription) { return until_phase(subscription, Phase::PHASE_LIVE); }
    fakes::LiveView::Series& series(std::uint32_t subscription, SeriesId id) {
      return view.subscriptions[subscription].series[raw(id)];
    }
    /// A question and its answer: what the hub did before has arrived then.
    bool ping() {
      pb::ViewerMessage message;
      message.mutable_ping()->set_nonce(static_cast<std::uint32_t>(view.pongs.size() + 1));
      send(message);
      return until([n = view.pongs.size()](const auto& v) { return v.pongs.size() > n; });
    }
  };

  explicit LiveWorld(LiveLimits limits = {}, ReadingsStore* readings = nullptr) : limits_(limits) {
    for (const auto* name : {"north", "south"}) device_ids.push_back(files.enrol(name).id);
    devices = std::make_unique<DeviceRegistry>(*files.devices, control, clock);
    identity = std::make_unique<Identity>(*files.credentials, control, clock, random);
    devices->on_series_added([this](const std::vector<SeriesRecord>& added) {
      bus->publish(std::make_shared<const std::vector<SeriesRecord>>(added));
    });
    devices->on_presence(
        [this](const PresenceChange& change) { bus->publish(std::make_shared<const PresenceChange>(change)); });
    store().on_commit([this](const CommitPtr& commit) { publish(commit); });
    if (readings != nullptr) {
      readings_ = readings;
      readings_->on_commit([this](const CommitPtr& commit) { publish(commit); });
    }
    core = std::make_unique<LiveCore>(io.get_executor(), *readings_, *devices, *identity, events, control, *bus, clock,
                                      limits_);
    core->start();
    thread = std::thread([this] { io.run(); });
  }
  ~LiveWorld() {
    stop();
    guard.reset();
    thread.join();
    readings_->stop();
    identity.reset();
    devices.reset();
    control.flush();
  }

  fakes::InMemoryReadingsStore& store() { return memory_; }
  void stop() {
    if (std::exchange(stopped_, true)) return;
    boost::asio::co_spawn(io, core->stop(), boost::asio::use_future).get();
    for (auto& served : served_) served.wait();
  }

  SeriesId define(std::size_t device, const std::string& name, ValueType type = ValueType::number,
                  std::uint32_t interval_ms = 0) {
    auto ids = fakes::answer_of<std::vector<SeriesId>>([&](auto done) {
      devices->define_series(device_ids[device], {SeriesWish{name, "", type, interval_ms}}, done);
    });
    return ids.value().at(0);
  }
  StoredFrame frame(std::size_t device, std::vector<SeriesColumn> columns) {
    StoredFrame frame;
    frame.stream.device = device_ids[device];
    frame.first_sequence = frame.last_sequence = ++sequence_;
    frame.received_at_us = clock.now_us();
    frame.columns = std::move(columns);
    return frame;
  }
  static SeriesColumn column(SeriesId series, std::vector<std::int64_t> times, ValueColumn values) {
    return {series, std::make_shared<const std::vector<std::int64_t>>(std::move(times)), std::move(values)};
  }
  CommitNumber commit(std::size_t device, SeriesId series, std::vector<std::int64_t> times, ValueColumn values) {
    return store().commit(frame(device, {column(series, std::move(times), std::move(values))}));
  }
  void publish(const CommitPtr& commit) {
    if (!drop_commits) bus->publish(commit);
  }

  Viewer join(std::size_t backlog_limit = 256 * 1024, std::string session_key = {},
              std::vector<std::string> groups = {kEveryDevice}, LiveLink link = LiveLink::websocket) {
    Viewer viewer;
    viewer.peer = std::make_shared<fakes::ScriptedPeer>(io.get_executor(), backlog_limit);
    Principal who;
    who.user = UserId("u1");
    who.name = "ann";
    who.role = Role::viewer;
    who.groups = std::move(groups);
    who.session_key = std::move(session_key);
    auto done = std::make_shared<std::promise<void>>();
    served_.push_back(done->get_future().share());
    boost::asio::co_spawn(io, core->serve(std::make_unique<fakes::ScriptedConnection>(viewer.peer), who, link),
                          [done](std::exception_ptr failure) {
                            if (failure) {
                              done->set_exception(failure);
                            } else {
                              done->set_value();
                            }
                          });
    return viewer;
  }
  static pb::Subscribe subscribe(std::uint32_t id, const std::string& pattern, std::int64_t from_us,
                                 std::uint32_t width = 0, std::int64_t to_us = 0) {
    pb::Subscribe request;
    request.set_id(id);
    request.mutable_selector()->add_series(pattern);
    request.set_from_us(static_cast<double>(from_us));
    request.set_to_us(static_cast<double>(to_us));
    request.set_width(width);
    return request;
  }

  fakes::HubFiles files;
  fakes::ManualClock clock{kNow};
  base::SystemRandom random;
  std::vector<DeviceId> device_ids;
  std::unique_ptr<Bus> bus = make_in_process_bus();
  base::Worker control{"control"};
  std::unique_ptr<DeviceRegistry> devices;
  std::unique_ptr<Identity> identity;
  ListedEvents events;
  std::atomic<bool> drop_commits{false};
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard{io.get_executor()};
  std::unique_ptr<LiveCore> core;
  std::thread thread;

 private:
  const LiveLimits limits_;
  fakes::InMemoryReadingsStore memory_;
  ReadingsStore* readings_ = &memory_;
  std::atomic<std::uint64_t> sequence_{0};
  std::vector<std::shared_future<void>> served_;
  bool stopped_ = false;
};

}  // namespace hub
