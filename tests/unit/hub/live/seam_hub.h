// A hub's live half that can be ended and opened again on the same files.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <thread>

#include "hub/live/live_core.h"
#include "hub/storage/sqlite/sqlite_readings_store.h"
#include "tests/fakes/hub_fixture.h"
#include "tests/fakes/in_memory_readings_store.h"
#include "tests/fakes/readings_client.h"
#include "tests/fakes/scripted_connection.h"
#include "tests/unit/hub/live/seam_model.h"

namespace hub::seam {

inline constexpr std::int64_t kNow = 1'700'000'000'000'000;
inline constexpr const char* kGroup = "roof";

/// The core's thread lives as long as this; store, registry, bus and core between start() and end(). In memory the
/// store stays over restarts.
class SeamHub {
 public:
  SeamHub(LiveLimits limits, bool in_memory) : limits_(limits), in_memory_(in_memory) {
    thread_ = std::thread([this] { io_.run(); });
    start();
    auto made = fakes::answer_of<bool>([&](auto done) { devices().put_group(kGroup, {{"at", kGroup}}, done); });
    EXPECT_TRUE(made.has_value());
  }
  ~SeamHub() {
    end();
    guard_.reset();
    thread_.join();
  }

  void start() {
    files_.reopen();
    if (in_memory_) {
      store_ = &memory_;
    } else {
      sqlite::ReadingsOptions options;
      options.folder = folder_.path().string();
      options.commit_window_us = 200;
      options.query_limit_us = std::int64_t{1} << 60;  // the clock is put forward by more than any query takes
      options.tail_max_bytes = 256 * 1'024;            // seals while viewers read
      auto opened = sqlite::open_readings_store(options, clock, random_);
      if (!opened) throw std::runtime_error(opened.error().detail);
      sqlite_ = std::move(*opened);
      store_ = sqlite_.get();
    }
    bus_ = make_in_process_bus();
    control_ = std::make_unique<base::Worker>("control");
    devices_ = std::make_unique<DeviceRegistry>(*files_.devices, *control_, clock);
    identity_ = std::make_unique<Identity>(*files_.credentials, *control_, clock, random_);
    devices_->on_series_added([this](const std::vector<SeriesRecord>& added) {
      bus_->publish(std::make_shared<const std::vector<SeriesRecord>>(added));
    });
    devices_->on_presence(
        [this](const PresenceChange& change) { bus_->publish(std::make_shared<const PresenceChange>(change)); });
    store_->on_commit([this](const CommitPtr& commit) {
      model.take(*commit);
      if (!drops_commits) bus_->publish(commit);
    });
    core_ = std::make_unique<LiveCore>(io_.get_executor(), *store_, *devices_, *identity_, *files_.events, *control_,
                                       *bus_, clock, limits_);
    boost::asio::co_spawn(
        io_,
        [this]() -> boost::asio::awaitable<void> {
          core_->start();
          co_return;
        },
        boost::asio::use_future)
        .get();
  }

  /// Viewers are closed 4203, as at an ordered stop; who is to die unheard hangs up before.
  void end() {
    if (!core_) return;
    boost::asio::co_spawn(io_, core_->stop(), boost::asio::use_future).get();
    for (auto& served : served_) served.wait();
    served_.clear();
    core_.reset();
    if (sqlite_) {
      sqlite_->stop();
    } else {
      store_->on_commit({});
    }
    control_->flush();
    sqlite_.reset();
    identity_.reset();
    devices_.reset();
    control_.reset();
    bus_.reset();
    files_.close();
  }

  /// Another journal in the place of this one, as after a restore; while ended.
  void replace_journal() {
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) std::filesystem::remove_all(entry);
    model.clear();
  }
  bool is_in_memory() const { return in_memory_; }

  std::shared_ptr<fakes::ScriptedPeer> join(std::size_t backlog_limit) {
    auto peer = std::make_shared<fakes::ScriptedPeer>(io_.get_executor(), backlog_limit);
    Principal who;
    who.user = UserId("u1");
    who.name = "ann";
    who.role = Role::viewer;
    who.groups = {kEveryDevice};
    std::erase_if(served_,
                  [](auto& one) { return one.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
    served_.push_back(boost::asio::co_spawn(io_, core_->serve(std::make_unique<fakes::ScriptedConnection>(peer), who),
                                            boost::asio::use_future));
    return peer;
  }

  DeviceId enrol(const std::string& name, bool in_group) {
    std::promise<DeviceRecord> enrolled;
    control_->post([&] {
      auto record = files_.enrol(name);
      devices_->added(record);
      enrolled.set_value(record);
    });
    const DeviceId id = enrolled.get_future().get().id;
    if (in_group) regroup(id, true);
    return id;
  }
  void regroup(const DeviceId& device, bool in_group) {
    std::map<std::string, std::string> tags;
    if (in_group) tags["at"] = kGroup;
    auto done = fakes::answer_of<bool>([&](auto answer) { devices().set_tags(device, tags, answer); });
    EXPECT_TRUE(done.has_value());
  }
  void remove(const DeviceId& device) {
    auto done = fakes::answer_of<bool>([&](auto answer) { devices().remove(device, answer); });
    EXPECT_TRUE(done.has_value());
  }
  SeriesId define(const DeviceId& device, const std::string& name, ValueType type) {
    auto ids = fakes::answer_of<std::vector<SeriesId>>([&](auto done) {
      devices().define_series(device, {SeriesWish{name, "", type, 0}}, done);
    });
    return ids.value().at(0);
  }

  DeviceRegistry& devices() { return *devices_; }
  ReadingsStore& store() { return *store_; }
  LiveCore::Counters counters() const { return core_->counters(); }

  fakes::ManualClock clock{kNow};
  Model model;
  std::atomic<bool> drops_commits{false};

 private:
  const LiveLimits limits_;
  const bool in_memory_;
  base::SystemRandom random_;
  fakes::TemporaryFolder folder_;
  fakes::HubFiles files_;
  fakes::InMemoryReadingsStore memory_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_{io_.get_executor()};
  std::thread thread_;
  std::unique_ptr<ReadingsStore> sqlite_;
  ReadingsStore* store_ = nullptr;
  std::unique_ptr<Bus> bus_;
  std::unique_ptr<base::Worker> control_;
  std::unique_ptr<DeviceRegistry> devices_;
  std::unique_ptr<Identity> identity_;
  std::unique_ptr<LiveCore> core_;
  std::vector<std::future<void>> served_;
};

}  // namespace hub::seam
