#include "hub/alerts/alert_service.h"

#include "tests/unit/hub/alerts/alerts_fixture.h"

namespace hub {
namespace {

using fakes::DeviceDesk;
using Alerts = AlertsFixture;

TEST_F(Alerts, fires_resolves_and_says_when_in_event_time) {
  const auto rule = make(hot(10));
  read(0, 20);
  read(5, 31);
  EXPECT_TRUE(alerts().empty());
  read(14, 32);
  EXPECT_TRUE(alerts().empty());
  read(15, 33);
  const auto active = firing();
  ASSERT_EQ(active.size(), 1u);
  EXPECT_EQ(active[0].rule, rule.id);
  EXPECT_EQ(active[0].rule_name, "hot");
  EXPECT_EQ(active[0].severity, "critical");
  EXPECT_EQ(active[0].device, device);
  EXPECT_EQ(active[0].series_name, "temperature");
  EXPECT_EQ(active[0].started_us, kBase + 5 * kSecond);
  EXPECT_EQ(active[0].fired_us, kBase + 15 * kSecond);
  EXPECT_EQ(active[0].value, 33);
  read(16, 26);  // between clear and threshold
  EXPECT_EQ(firing().size(), 1u);
  read(17, 25);
  EXPECT_TRUE(firing().empty());
  const auto all = alerts();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].state, AlertState::resolved);
  EXPECT_EQ(all[0].resolved_us, kBase + 17 * kSecond);
  EXPECT_EQ(all[0].value, 25);
}

TEST_F(Alerts, events_are_stored_and_published_as_rest_shows_the_alert) {
  make(hot());
  read(0, 31);
  read(1, 20);
  const auto events = take_published();
  ASSERT_EQ(events.size(), 2u);
  const auto logged = on([&] { return files.events->events_after(0, 10).value(); });
  ASSERT_EQ(logged.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(events[i].id, logged[i].id);
    EXPECT_EQ(events[i].body_json, logged[i].body_json);
    EXPECT_EQ(events[i].kind, "alert");
    EXPECT_EQ(events[i].device, device);
  }
  const auto body = boost::json::parse(events[1].body_json);
  EXPECT_EQ(body.at("state"), boost::json::value("resolved"));
  EXPECT_EQ(body.at("device_name"), boost::json::value("pi"));
  EXPECT_EQ(body, to_json(alerts()[0], *registry));
}

TEST_F(Alerts, a_frame_may_hold_several_alerts) {
  make(hot());
  store_frame(temperature, std::vector<double>{31, 20, 31, 20, 31}, {1, 2, 3, 4, 5});
  wait_evaluated();
  EXPECT_EQ(alerts().size(), 3u);
  EXPECT_EQ(firing().size(), 1u);
}

TEST_F(Alerts, late_readings_raise_nothing) {
  make(hot());
  read(10, 20);
  read(5, 40);
  read(10, 40);
  EXPECT_TRUE(alerts().empty());
  read(11, 40);
  read(6, 0);  // nor resolve anything
  EXPECT_EQ(firing().size(), 1u);
}

TEST_F(Alerts, booleans_are_zero_and_one_and_other_types_are_left_alone) {
  const auto door = define("door", ValueType::boolean);
  const auto label = define("label", ValueType::string);
  auto rule = hot();
  rule.series_pattern = "*";
  rule.condition = {rules::Comparison::above, 0, 0, 0};
  make(rule);
  store_frame(label, std::vector<std::string>{"hot"}, {0});
  store_frame(door, std::vector<std::uint8_t>{0, 1}, {0, 1});
  wait_evaluated();
  ASSERT_EQ(firing().size(), 1u);
  EXPECT_EQ(firing()[0].series_name, "door");
  store_frame(door, std::vector<std::uint8_t>{0}, {2});
  wait_evaluated();
  EXPECT_TRUE(firing().empty());
}

TEST_F(Alerts, a_series_that_comes_later_is_watched_and_scope_is_kept) {
  const auto elsewhere = files.enrol("elsewhere");
  on([&] { registry->added(elsewhere); });
  auto rule = hot();
  rule.devices = {"pi", device.str()};  // a name is as good as an id, twice is once
  const auto made = make(rule);
  EXPECT_EQ(made.devices, std::vector<std::string>{device.str()});
  rule.name = "hot elsewhere";
  rule.devices = {elsewhere.id.str()};
  make(rule);
  const auto later = define("temp.outside", ValueType::number);
  read(later, 0, 31);
  ASSERT_EQ(firing().size(), 1u);
  EXPECT_EQ(firing()[0].rule, made.id);
}

TEST_F(Alerts, acknowledgement_is_kept_and_told) {
  make(hot());
  read(0, 31);
  take_published();
  const auto id = firing()[0].id;
  const auto done = on([&] { return service->acknowledge(id, "ada", "on my way"); });
  ASSERT_TRUE(done);
  EXPECT_EQ(take_published().size(), 1u);
  read(1, 20);  // resolving keeps it
  restart();
  const auto kept = *on([&] { return service->alert(id); });
  EXPECT_EQ(kept.acknowledged_by, "ada");
  EXPECT_EQ(kept.note, "on my way");
  EXPECT_EQ(kept.acknowledged_us, clock.now_us());
  EXPECT_EQ(kept.state, AlertState::resolved);
  EXPECT_EQ(to_json(kept).at("acknowledged").at("by"), boost::json::value("ada"));
  EXPECT_EQ(on([&] { return service->acknowledge(AlertId("ano"), "ada", ""); }).error().code, errc::not_found);
  EXPECT_EQ(on([&] { return service->acknowledge(id, "ada", std::string(1'025, 'x')); }).error().field, "/note");
}

// --- rules ---

TEST_F(Alerts, a_changed_rule_ends_its_alerts_and_begins_anew) {
  auto rule = make(hot());
  read(0, 31);
  ASSERT_EQ(firing().size(), 1u);
  rule.condition = {rules::Comparison::above, 50, 50, 0};
  const auto changed = on([&] { return service->update_rule(rule, 1); });
  ASSERT_TRUE(changed) << changed.error().detail;
  EXPECT_EQ(changed->version, 2u);
  EXPECT_TRUE(firing().empty());
  read(1, 49);
  EXPECT_TRUE(firing().empty());
  read(2, 51);
  EXPECT_EQ(firing().size(), 1u);
  EXPECT_EQ(on([&] { return service->update_rule(rule, 1); }).error().code, errc::conflict);
  const auto second = firing()[0].id;
  ASSERT_TRUE(on([&] { return service->update_rule(*changed, 2); }));
  EXPECT_TRUE(firing().empty());
  read(3, 51);  // still above: a new alert, at once
  ASSERT_EQ(firing().size(), 1u);
  EXPECT_NE(firing()[0].id, second);
  restart();
  EXPECT_EQ(on([&] { return service->rule(rule.id); })->condition.threshold, 50);
  EXPECT_EQ(firing().size(), 1u);
}

TEST_F(Alerts, a_removed_rule_ends_its_alerts) {
  const auto rule = make(hot());
  read(0, 31);
  ASSERT_TRUE(on([&] { return service->remove_rule(rule.id); }));
  EXPECT_TRUE(firing().empty());
  EXPECT_EQ(alerts().size(), 1u);
  read(1, 31);
  EXPECT_EQ(alerts().size(), 1u);
  EXPECT_EQ(on([&] { return service->remove_rule(rule.id); }).error().code, errc::not_found);
  EXPECT_EQ(on([&] { return service->rule(rule.id); }).error().code, errc::not_found);
  EXPECT_TRUE(on([&] { return service->rules(); }).empty());
}

TEST_F(Alerts, rules_that_make_no_sense_are_refused_by_field) {
  const auto refused = [&](auto change) {
    auto rule = hot();
    change(rule);
    const auto made = on([&] { return service->create_rule(rule); });
    EXPECT_FALSE(made);
    return made ? std::string("accepted") : made.error().field;
  };
  EXPECT_EQ(refused([](auto& r) { r.name = ""; }), "/name");
  EXPECT_EQ(refused([](auto& r) { r.name = std::string(129, 'n'); }), "/name");
  EXPECT_EQ(refused([](auto& r) { r.name = "a\nb"; }), "/name");
  EXPECT_EQ(refused([](auto& r) { r.severity = "bad"; }), "/severity");
  EXPECT_EQ(refused([](auto& r) { r.series_pattern = ""; }), "/condition/series");
  EXPECT_EQ(refused([](auto& r) { r.series_pattern = "a b"; }), "/condition/series");
  EXPECT_EQ(refused([](auto& r) { r.condition.clear = 31; }), "/clear");
  EXPECT_EQ(refused([](auto& r) { r.condition.for_us = 8 * 86'400 * kSecond; }), "/for");
  EXPECT_EQ(refused([](auto& r) { r.devices = {"nobody"}; }), "/scope/devices/0");
  make(hot());
  const auto twice = on([&] { return service->create_rule(hot()); });
  EXPECT_EQ(twice.error().code, errc::conflict);
  EXPECT_EQ(twice.error().field, "/name");
}

// --- leases ---

TEST_F(Alerts, a_device_gets_its_alert_as_a_lease_renewed_while_it_fires) {
  DeviceDesk desk(links, device);
  desk.connect();
  make(hot());
  read(0, 31);
  auto messages = on([&] { return desk.take(); });
  ASSERT_EQ(messages.size(), 1u);
  const auto lease = messages[0].lease();
  EXPECT_EQ(lease.alert_id(), firing()[0].id.str());
  EXPECT_TRUE(lease.active());
  EXPECT_EQ(lease.rule(), "hot");
  EXPECT_EQ(lease.severity(), "critical");
  EXPECT_EQ(lease.series(), "temperature");
  EXPECT_EQ(lease.value(), 31);
  EXPECT_EQ(lease.expires_us(), static_cast<double>(clock.now_us() + 60 * kSecond));
  pass(19 * kSecond);
  EXPECT_TRUE(desk.take().empty());
  pass(kSecond);
  messages = desk.take();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].lease().expires_us(), static_cast<double>(clock.now_us() + 60 * kSecond));
  read(1, 20);
  messages = on([&] { return desk.take(); });
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_FALSE(messages[0].lease().active());
  EXPECT_GT(messages[0].lease().revision(), lease.revision());
  pass(100 * kSecond);
  EXPECT_TRUE(desk.take().empty());
}

TEST_F(Alerts, welcome_carries_the_leases_of_this_device) {
  make(hot());
  read(0, 31);
  const auto leases = on([&] { return service->leases(device); });
  ASSERT_EQ(leases.size(), 1u);
  EXPECT_EQ(leases[0].alert_id(), firing()[0].id.str());
  EXPECT_TRUE(on([&] { return service->leases(DeviceId("dother")); }).empty());
  restart();
  EXPECT_EQ(on([&] { return service->leases(device); }).size(), 1u);
  read(1, 20);
  EXPECT_TRUE(on([&] { return service->leases(device); }).empty());
}

TEST_F(Alerts, a_lease_that_was_not_taken_is_tried_again) {
  DeviceDesk desk(links, device);
  desk.connect();
  desk.is_full = true;
  make(hot());
  read(0, 31);
  pass(kSecond);
  desk.is_full = false;
  pass(kSecond);
  EXPECT_EQ(desk.take().size(), 1u);
}

TEST_F(Alerts, what_the_device_did_is_kept_and_another_device_is_not_believed) {
  make(hot());
  read(0, 31);
  take_published();
  telemetry::v1::LeaseState said;
  said.set_alert_id(firing()[0].id.str());
  said.set_action("command:lamp");
  on([&] { service->device_lease_state(device, said); });
  pass(kSecond);
  EXPECT_EQ(firing()[0].device_action, "command:lamp");
  EXPECT_EQ(take_published().size(), 1u);
  on([&] { service->device_lease_state(device, said); });  // the same again is no event
  said.set_action("evil");
  on([&] { service->device_lease_state(DeviceId("dother"), said); });
  pass(kSecond);
  EXPECT_TRUE(take_published().empty());
  read(1, 20);
  said.set_action("none");
  said.set_error("lamp broken");
  on([&] { service->device_lease_state(device, said); });  // after the end
  pass(kSecond);
  restart();
  EXPECT_EQ(alerts()[0].device_action, "none");
  EXPECT_EQ(alerts()[0].device_error, "lamp broken");
}

TEST_F(Alerts, what_the_device_did_waits_while_it_cannot_be_stored) {
  make(hot());
  read(0, 31);
  telemetry::v1::LeaseState said;
  said.set_alert_id(firing()[0].id.str());
  said.set_action("command:lamp");
  on([&] { service->device_lease_state(device, said); });
  store->writes_until_failure = 0;
  pass(kSecond);
  EXPECT_EQ(firing()[0].device_action, "");
  store->writes_until_failure = -1;
  pass(kSecond);
  EXPECT_EQ(firing()[0].device_action, "command:lamp");
}

TEST_F(Alerts, what_many_devices_did_is_stored_over_several_ticks) {
  make(hot());
  read(0, 31);
  telemetry::v1::LeaseState said;
  for (int i = 0; i < 20; ++i) {
    for (int k = 0; k < 64; ++k) {
      said.set_alert_id("anone" + std::to_string(k));
      on([&] { service->device_lease_state(DeviceId("d-" + std::to_string(i)), said); });
    }
  }
  said.set_alert_id(firing()[0].id.str());
  said.set_action("command:lamp");
  on([&] { service->device_lease_state(device, said); });  // the last in order
  pass(kSecond);
  EXPECT_EQ(firing()[0].device_action, "");
  pass(kSecond);
  EXPECT_EQ(firing()[0].device_action, "command:lamp");
}

TEST_F(Alerts, alerts_of_removed_devices_and_superseded_series_end) {
  make(hot());
  read(0, 31);
  const auto fahrenheit = define("temperature", ValueType::number, "[degF]");
  ASSERT_NE(fahrenheit, temperature);
  pass(10 * kSecond);
  EXPECT_TRUE(firing().empty());
  read(fahrenheit, 1, 88);
  ASSERT_EQ(firing().size(), 1u);
  ASSERT_TRUE(fakes::answer_of<bool>([&](auto done) { registry->remove(device, done); }));
  pass(10 * kSecond);
  EXPECT_TRUE(firing().empty());
  const auto event = take_published().back();
  EXPECT_TRUE(boost::json::parse(event.body_json).at("device_name").is_null());
}

}  // namespace
}  // namespace hub
