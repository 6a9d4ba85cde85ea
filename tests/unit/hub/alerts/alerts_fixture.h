// A hub's readings, registry and alert service over real files; restarts and kills.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <thread>

#include "hub/alerts/alert_service.h"
#include "hub/storage/sqlite/sqlite_readings_store.h"
#include "tests/fakes/device_desk.h"
#include "tests/fakes/failing_stores.h"
#include "tests/fakes/forgetful_readings.h"
#include "tests/fakes/hub_fixture.h"
#include "tests/fakes/on_worker.h"
#include "tests/fakes/readings_client.h"

namespace hub {

inline constexpr std::int64_t kSecond = 1'000'000;
inline constexpr std::int64_t kBase = 1'700'000'000'000'000;  // ManualClock's beginning

class AlertsFixture : public testing::Test {
 protected:
  AlertsFixture() {
    device = files.enrol("pi").id;
    begin();
    temperature = define("temperature", ValueType::number);
  }
  ~AlertsFixture() override { end(); }

  void begin(bool start_service = true) {
    sqlite::ReadingsOptions options;
    options.folder = files.folder.file("readings");
    auto opened = sqlite::open_readings_store(options, clock, random);
    if (!opened) throw std::runtime_error(opened.error().detail);
    real_readings = std::move(*opened);
    readings = std::make_unique<fakes::ForgetfulReadings>(*real_readings);
    client = std::make_unique<fakes::ReadingsClient>(*readings);
    control = std::make_unique<base::Worker>("control");
    store = std::make_unique<fakes::FailingAlertStore>(*files.alerts);
    on([&] {
      registry = std::make_unique<DeviceRegistry>(*files.devices, *control, clock);
      service = std::make_unique<AlertService>(*store, *readings, *registry, links, *control, clock, random,
                                               [this](Event e) { published.push_back(std::move(e)); });
    });
    readings->on_commit([this](const CommitPtr& commit) { service->on_commit(commit); });
    if (start_service) start();
  }
  void start() {
    const bool started = on([&] { return service->start().has_value(); });
    EXPECT_TRUE(started);
  }
  /// As a hub ends; what is only in memory is gone, as after a kill.
  void end() {
    if (!control) return;
    readings->stop();
    on([&] { service.reset(); });
    control->flush();
    registry.reset();
    control.reset();
    client.reset(), readings.reset(), real_readings.reset();
  }
  void restart() {
    end();
    files.reopen();
    begin();
  }

  template <class F>
  std::invoke_result_t<F> on(F f) {
    return fakes::on_worker(*control, f);
  }
  /// Waits until `condition` holds on control.
  template <class F>
  void wait_until(F condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!on(condition)) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("the condition never held");
      std::this_thread::yield();
    }
  }
  void wait_evaluated() {
    const CommitNumber head = readings->head().commit;
    wait_until([&] { return service->status().evaluated >= head; });
  }

  /// As above, but a store that refuses may stop it short.
  void wait_evaluated_or_stalled() {
    const CommitNumber head = readings->head().commit;
    wait_until([&] { return store->writes_until_failure == 0 || service->status().evaluated >= head; });
  }

  SeriesId define(const std::string& name, ValueType type, const std::string& unit = "") {
    const auto ids = fakes::answer_of<std::vector<SeriesId>>([&](auto done) {
      registry->define_series(device, {{name, unit, type, 1'000}}, done);
    });
    if (!ids) throw std::runtime_error(ids.error().detail);
    return ids->front();
  }
  /// One frame, stored; evaluated later.
  void store_frame(SeriesId series, ValueColumn values, std::vector<std::int64_t> seconds) {
    for (auto& s : seconds) s = kBase + s * kSecond;
    auto frame = fakes::frame_of(fakes::stream_of(device.str()), ++sequence);
    frame.columns.push_back({series, fakes::times(std::move(seconds)), std::move(values)});
    const auto done = client->append(std::move(frame));
    if (!done) throw std::runtime_error("append: " + done.error().message());
  }
  /// `second` after the beginning; stored and evaluated.
  void read(std::int64_t second, double value) { read(temperature, second, value); }
  void read(SeriesId series, std::int64_t second, double value) {
    store_frame(series, std::vector<double>{value}, {second});
    wait_evaluated();
  }
  void pass(std::int64_t us) {
    clock.advance(us);
    on([&] { service->tick(); });
  }

  static AlertRuleRecord hot(std::int64_t for_s = 0) {
    AlertRuleRecord rule;
    rule.name = "hot";
    rule.severity = "critical";
    rule.series_pattern = "temp*";
    rule.condition = {rules::Comparison::above, 30, 25, for_s * kSecond};
    return rule;
  }
  AlertRuleRecord make(const AlertRuleRecord& rule) {
    const auto made = on([&] { return service->create_rule(rule); });
    if (!made) throw std::runtime_error(made.error().detail);
    return *made;
  }
  std::vector<AlertRecord> alerts(int state = 0) {
    return *on([&] { return service->alerts(state, 1'000); });
  }
  std::vector<AlertRecord> firing() { return alerts(static_cast<int>(AlertState::firing)); }
  std::vector<Event> take_published() {
    return on([&] { return std::exchange(published, {}); });
  }

  fakes::HubFiles files;
  fakes::ManualClock clock;
  base::SeededRandom random{11};
  DeviceLinks links;
  std::unique_ptr<ReadingsStore> real_readings;
  std::unique_ptr<fakes::ForgetfulReadings> readings;
  std::unique_ptr<fakes::ReadingsClient> client;
  std::unique_ptr<base::Worker> control;
  std::unique_ptr<fakes::FailingAlertStore> store;
  std::unique_ptr<DeviceRegistry> registry;
  std::vector<Event> published;  // on control
  std::unique_ptr<AlertService> service;
  DeviceId device;
  SeriesId temperature{};
  std::uint64_t sequence = 0;
};

}  // namespace hub
