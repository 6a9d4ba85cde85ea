#include "hub/devices/device_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "tests/fakes/hub_fixture.h"

namespace hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t kSecond_us = 1'000'000;

class Registry : public ::testing::Test {
 protected:
  ~Registry() override { stop(); }
  void stop() {
    registry.reset();
    if (control) control->flush();  // what was posted still tells this fixture
    control.reset();
  }

  void start() {
    control = std::make_unique<base::Worker>("control");
    registry = std::make_unique<DeviceRegistry>(*files.devices, *control, clock);
    registry->on_presence([this](const PresenceChange& change) {
      EXPECT_TRUE(control->is_current());
      const std::lock_guard lock(mutex);
      changes.push_back(change);
    });
    registry->on_series_added([this](const std::vector<SeriesRecord>& records) {
      EXPECT_TRUE(control->is_current());
      const std::lock_guard lock(mutex);
      for (const auto& record : records) added_series.push_back(record.name);
    });
  }
  void restart() {
    stop();
    files.reopen();
    start();
  }
  void on_control(std::function<void()> work) {
    control->post(std::move(work));
    control->flush();
  }
  DeviceId enrol(const std::string& name) {
    DeviceId id;
    on_control([&] {
      const auto record = files.enrol(name);
      registry->added(record);
      id = record.id;
    });
    return id;
  }
  Outcome<std::vector<SeriesId>> define(const DeviceId& device, std::vector<SeriesWish> wishes) {
    return fakes::answer_of<std::vector<SeriesId>>(
        [&](auto done) { registry->define_series(device, std::move(wishes), done); });
  }
  void tick() {
    on_control([this] { registry->tick(); });
  }
  // What was told since the last call: "name presence".
  std::vector<std::string> told() {
    control->flush();
    const std::lock_guard lock(mutex);
    std::vector<std::string> all;
    for (const auto& change : std::exchange(changes, {})) {
      all.push_back(change.name + " " + (change.removed ? "removed" : to_string(change.presence)));
    }
    return all;
  }

  fakes::HubFiles files;
  fakes::ManualClock clock;
  std::unique_ptr<base::Worker> control;
  std::unique_ptr<DeviceRegistry> registry;
  std::mutex mutex;
  std::vector<PresenceChange> changes;
  std::vector<std::string> added_series;
};

const SeriesWish kTemperature{"temp", "C", ValueType::number, 1000};

TEST_F(Registry, device_is_found_by_id_and_by_name) {
  start();
  const auto id = enrol("boiler");
  EXPECT_EQ(registry->find("boiler")->id, id);
  EXPECT_EQ(registry->find(id.str())->name, "boiler");
  EXPECT_FALSE(registry->find("nobody"));
  EXPECT_EQ(registry->count(), 1u);
}

TEST_F(Registry, id_of_a_device_cannot_be_taken_as_a_name) {
  start();
  const auto victim = enrol("victim");
  const auto other = enrol("other");
  ASSERT_TRUE(fakes::answer_of<bool>([&](auto done) { registry->rename(other, victim.str(), done); }));
  EXPECT_EQ(registry->find(victim.str())->id, victim);
}

TEST_F(Registry, devices_are_listed_by_name_in_pages) {
  start();
  for (const char* name : {"c", "a", "d", "b"}) enrol(name);
  std::vector<std::string> names;
  std::string after;
  for (auto page = registry->list(after, 3); !page.empty(); page = registry->list(after, 3)) {
    for (const auto& device : page) names.push_back(device.name);
    after = names.back();
  }
  EXPECT_THAT(names, ElementsAre("a", "b", "c", "d"));
}

TEST_F(Registry, series_is_defined_once) {
  start();
  const auto device = enrol("boiler");
  const auto first = define(device, {kTemperature, {"hum", "%", ValueType::number, 0}});
  ASSERT_TRUE(first);
  const auto again = define(device, {{"hum", "%", ValueType::number, 0}, kTemperature});
  ASSERT_TRUE(again);
  EXPECT_EQ((*first)[0], (*again)[1]);
  EXPECT_EQ((*first)[1], (*again)[0]);
  EXPECT_NE((*first)[0], (*first)[1]);
  EXPECT_THAT(added_series, ElementsAre("temp", "hum"));
  const auto series = registry->series_of(device);
  ASSERT_EQ(series.size(), 2u);
  EXPECT_EQ(series[0].name, "hum");
  EXPECT_EQ(registry->series((*first)[0])->name, "temp");
}

TEST_F(Registry, change_of_unit_or_type_opens_a_revision) {
  start();
  const auto device = enrol("boiler");
  const auto celsius = define(device, {kTemperature}).value()[0];
  const auto fahrenheit = define(device, {{"temp", "F", ValueType::number, 1000}}).value()[0];
  const auto text = define(device, {{"temp", "F", ValueType::string, 1000}}).value()[0];
  EXPECT_NE(celsius, fahrenheit);
  EXPECT_NE(fahrenheit, text);
  const auto revisions = registry->revisions_of(device, "temp");
  ASSERT_EQ(revisions.size(), 3u);
  EXPECT_EQ(revisions[0].id, celsius);
  EXPECT_EQ(revisions[0].revision, 1u);
  EXPECT_EQ(revisions[2].id, text);
  EXPECT_EQ(revisions[2].revision, 3u);
  ASSERT_EQ(registry->series_of(device).size(), 1u);
  EXPECT_EQ(registry->series_of(device)[0].id, text);
  EXPECT_TRUE(registry->revisions_of(device, "other").empty());
}

TEST_F(Registry, change_of_interval_keeps_the_series) {
  start();
  const auto device = enrol("boiler");
  const auto id = define(device, {kTemperature}).value()[0];
  EXPECT_EQ(define(device, {{"temp", "C", ValueType::number, 250}}).value()[0], id);
  EXPECT_EQ(registry->series(id)->interval_ms, 250u);
  restart();
  EXPECT_EQ(registry->series(id)->interval_ms, 250u);
}

TEST_F(Registry, name_said_twice_in_one_call_is_one_series) {
  start();
  const auto device = enrol("boiler");
  const auto ids = define(device, {kTemperature, kTemperature, {"temp", "F", ValueType::number, 0}}).value();
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_NE(ids[1], ids[2]);
  EXPECT_EQ(registry->revisions_of(device, "temp").size(), 2u);
}

TEST_F(Registry, defined_series_are_there_after_a_restart) {
  start();
  const auto device = enrol("boiler");
  const auto first = define(device, {kTemperature, {"temp", "F", ValueType::number, 0}}).value();
  restart();
  EXPECT_EQ(registry->series_of(device)[0].id, first[1]);
  EXPECT_EQ(define(device, {{"temp", "F", ValueType::number, 0}}).value()[0], first[1]);
  EXPECT_GT(raw(define(device, {{"new", "", ValueType::boolean, 0}}).value()[0]), raw(first[1]));
}

TEST_F(Registry, device_has_a_limited_number_of_series) {
  start();
  const auto device = enrol("boiler");
  std::vector<SeriesWish> wishes;
  for (int i = 0; i < 4'096; ++i) wishes.push_back({"s" + std::to_string(i), "", ValueType::number, 0});
  ASSERT_TRUE(define(device, wishes));
  const auto some =
      define(device, {wishes[0], {"one-more", "", ValueType::number, 0}, {"s1", "V", ValueType::number, 0}});
  ASSERT_TRUE(some);
  EXPECT_NE(some.value()[0], SeriesId{});
  EXPECT_EQ(some.value()[1], SeriesId{}) << "past the quota";
  EXPECT_EQ(some.value()[2], SeriesId{}) << "another revision is a series, too";
  EXPECT_TRUE(define(device, wishes));
  EXPECT_EQ(registry->series_of(device).size(), 4'096u);
}

TEST_F(Registry, wrong_wishes_are_refused_whole) {
  start();
  const auto device = enrol("boiler");
  const std::vector<SeriesWish> wrong{{"has space", "", ValueType::number, 0},
                                      {"", "", ValueType::number, 0},
                                      {"s", std::string(33, 'x'), ValueType::number, 0},
                                      {"s", "", static_cast<ValueType>(9), 0}};
  for (const auto& wish : wrong) {
    const auto refused = define(device, {kTemperature, wish});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::invalid_argument);
  }
  EXPECT_TRUE(registry->series_of(device).empty());
  EXPECT_EQ(define(DeviceId("d-nobody"), {kTemperature}).error().code, errc::not_found);
}

TEST_F(Registry, selectors_resolve_to_newest_revisions) {
  start();
  const auto a = enrol("a");
  const auto b = enrol("b");
  define(a, {{"cpu.temp", "C", ValueType::number, 0}, {"cpu.load", "", ValueType::number, 0}}).value();
  define(b, {{"cpu.temp", "C", ValueType::number, 0}}).value();
  define(b, {{"cpu.temp", "F", ValueType::number, 0}}).value();
  const auto names = [&](const std::vector<std::string>& devices, const std::vector<std::string>& patterns) {
    std::vector<std::string> all;
    for (const auto& record : registry->resolve(devices, patterns)) {
      all.push_back(registry->find(record.device.str())->name + "/" + record.name + "/" + record.unit);
    }
    return all;
  };
  EXPECT_THAT(names({}, {"*"}), ElementsAre("a/cpu.load/", "a/cpu.temp/C", "b/cpu.temp/F"));
  EXPECT_THAT(names({}, {"*.temp", "cpu.*"}), ElementsAre("a/cpu.load/", "a/cpu.temp/C", "b/cpu.temp/F"));
  EXPECT_THAT(names({"b", b.str(), "nobody"}, {"*.temp"}), ElementsAre("b/cpu.temp/F"));
  EXPECT_THAT(names({a.str()}, {"gpu.*"}), IsEmpty());
  EXPECT_THAT(names({}, {}), IsEmpty());
}

TEST_F(Registry, rename_is_durable_and_told) {
  start();
  const auto id = enrol("old");
  enrol("taken");
  told();
  const auto rename = [&](const std::string& name) {
    return fakes::answer_of<bool>([&](auto done) { registry->rename(id, name, done); });
  };
  const auto conflict = rename("taken");
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().code, errc::conflict);
  EXPECT_THAT(conflict.error().detail, ::testing::HasSubstr("taken"));
  EXPECT_EQ(rename("  ").error().code, errc::invalid_argument);
  ASSERT_TRUE(rename("new"));
  EXPECT_THAT(told(), ElementsAre("new offline"));
  EXPECT_FALSE(registry->find("old"));
  restart();
  EXPECT_EQ(registry->find("new")->id, id);
}

TEST_F(Registry, tags_and_description_are_durable) {
  start();
  const auto id = enrol("boiler");
  const std::map<std::string, std::string> tags{{"room", "cellar"}};
  ASSERT_TRUE(fakes::answer_of<bool>([&](auto done) { registry->set_tags(id, tags, done); }));
  EXPECT_EQ(fakes::answer_of<bool>([&](auto done) {
              registry->set_tags(id, {{"bad key", ""}}, done);
            })
                .error()
                .code,
            errc::invalid_argument);
  const std::vector<CommandDescription> commands{{"reboot", "Reboot", "{}", "admin", true, 100}};
  registry->described(id, {{"os", "linux"}, {"long", std::string(300, 'x')}}, commands);
  control->flush();
  restart();
  EXPECT_EQ(registry->find("boiler")->tags, tags);
  EXPECT_EQ(registry->find("boiler")->attributes, (std::map<std::string, std::string>{{"os", "linux"}}));
  EXPECT_EQ(registry->find("boiler")->commands, commands);
}

TEST_F(Registry, same_description_is_not_written_again) {
  start();
  const auto id = enrol("boiler");
  registry->described(id, {{"os", "linux"}}, {});
  told();
  registry->described(id, {{"os", "linux"}}, {});
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(Registry, removed_device_is_gone_and_its_name_makes_a_new_one) {
  start();
  const auto id = enrol("boiler");
  const auto series = define(id, {kTemperature}).value()[0];
  registry->connected(id);
  told();
  ASSERT_TRUE(fakes::answer_of<bool>([&](auto done) { registry->remove(id, done); }));
  EXPECT_THAT(told(), ElementsAre("boiler removed"));
  EXPECT_FALSE(registry->find("boiler"));
  EXPECT_FALSE(registry->series(series));
  EXPECT_EQ(define(id, {kTemperature}).error().code, errc::not_found);
  registry->disconnected(id);  // its session ends later
  registry->seen(id);
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(fakes::answer_of<bool>([&](auto done) { registry->remove(id, done); }).error().code, errc::not_found);
  restart();
  EXPECT_EQ(registry->count(), 0u);
}

// --- presence ---

TEST_F(Registry, connected_is_online_and_disconnected_is_offline) {
  start();
  const auto id = enrol("boiler");
  EXPECT_THAT(told(), ElementsAre("boiler offline"));
  registry->connected(id);
  EXPECT_EQ(registry->presence(id), Presence::online);
  EXPECT_THAT(told(), ElementsAre("boiler online"));
  registry->disconnected(id);
  EXPECT_EQ(registry->presence(id), Presence::offline);
  EXPECT_THAT(told(), ElementsAre("boiler offline"));
}

TEST_F(Registry, overlapping_sessions_are_one_presence) {
  start();
  const auto id = enrol("boiler");
  registry->connected(id);
  told();
  registry->connected(id);     // the newer session
  registry->disconnected(id);  // the older one ends
  EXPECT_EQ(registry->presence(id), Presence::online);
  EXPECT_THAT(told(), IsEmpty());
  registry->disconnected(id);
  EXPECT_EQ(registry->presence(id), Presence::offline);
  registry->disconnected(id);  // one too many changes nothing
  registry->connected(id);
  EXPECT_EQ(registry->presence(id), Presence::online);
}

TEST_F(Registry, after_a_restart_presence_is_unknown_for_a_while) {
  start();
  const auto away = enrol("away");
  const auto back = enrol("back");
  restart();
  EXPECT_EQ(registry->presence(away), Presence::unknown);
  EXPECT_EQ(registry->presence(back), Presence::unknown);
  clock.advance(30 * kSecond_us);
  registry->connected(back);
  clock.advance(DeviceRegistry::kStartGraceUs - 31 * kSecond_us);
  tick();
  EXPECT_EQ(registry->presence(away), Presence::unknown);
  told();
  clock.advance(1 * kSecond_us);
  tick();
  EXPECT_EQ(registry->presence(away), Presence::offline);
  EXPECT_EQ(registry->presence(back), Presence::online);
  EXPECT_THAT(told(), ElementsAre("away offline"));
  clock.advance(60 * kSecond_us);
  tick();
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(Registry, who_said_that_it_sleeps_is_asleep_until_it_is_late) {
  start();
  const auto id = enrol("buoy");
  const auto says = [&](const char* wake_interval) {
    registry->described(id, {{DeviceRegistry::kWakeIntervalAttribute, wake_interval}}, {});
    control->flush();
  };
  registry->connected(id);
  says("600");
  told();
  registry->disconnected(id);
  EXPECT_EQ(registry->presence(id), Presence::asleep);
  EXPECT_THAT(told(), ElementsAre("buoy asleep"));
  clock.advance(900 * kSecond_us);
  tick();
  EXPECT_THAT(told(), IsEmpty());
  restart();
  EXPECT_EQ(registry->presence(id), Presence::asleep) << "a restart of the hub wakes nobody";
  clock.advance(60 * kSecond_us);
  tick();
  EXPECT_EQ(registry->presence(id), Presence::asleep);
  clock.advance(1 * kSecond_us);
  tick();
  EXPECT_EQ(registry->presence(id), Presence::offline);
  EXPECT_THAT(told(), ElementsAre("buoy offline"));
  restart();
  EXPECT_EQ(registry->presence(id), Presence::unknown);
  registry->connected(id);
  EXPECT_EQ(registry->presence(id), Presence::online);
  registry->disconnected(id);
  EXPECT_EQ(registry->presence(id), Presence::asleep);
  registry->connected(id);
  for (const char* nonsense : {"0", "-5", "soon", "60s", "", "99999999999999999999", "31622401"}) {
    registry->connected(id);
    says(nonsense);
    registry->disconnected(id);
    EXPECT_EQ(registry->presence(id), Presence::online) << "another session is there";
  }
  registry->disconnected(id);
  EXPECT_EQ(registry->presence(id), Presence::offline);
}

TEST_F(Registry, sessions_that_end_with_the_hub_say_nothing_of_their_devices) {
  start();
  const auto id = enrol("boiler");
  registry->connected(id);
  control->flush();
  told();
  clock.advance(5 * kSecond_us);
  registry->hub_stops();
  registry->disconnected(id);
  control->flush();
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(registry->presence(id), Presence::online);
}

TEST_F(Registry, last_seen_is_stored_at_presence_changes_and_each_minute) {
  start();
  const auto id = enrol("boiler");
  const auto stored = [&] {
    std::int64_t last_seen_us = 0;
    on_control([&] { last_seen_us = files.devices->load_devices().value()[0].last_seen_us; });
    return last_seen_us;
  };
  registry->connected(id);
  control->flush();
  const auto connected_us = clock.now_us();
  EXPECT_EQ(stored(), connected_us);

  clock.advance(10 * kSecond_us);
  registry->seen(id);
  tick();
  EXPECT_EQ(registry->last_seen_us(id), clock.now_us());
  EXPECT_EQ(registry->find("boiler")->last_seen_us, clock.now_us());
  EXPECT_EQ(stored(), connected_us);  // in memory only, as yet
  const auto seen_us = clock.now_us();
  clock.advance(50 * kSecond_us);
  tick();
  EXPECT_EQ(stored(), seen_us);

  clock.advance(5 * kSecond_us);
  registry->disconnected(id);
  control->flush();
  EXPECT_EQ(stored(), clock.now_us());
  restart();
  EXPECT_EQ(registry->last_seen_us(id), clock.now_us());
}

TEST_F(Registry, reads_go_on_while_everything_changes) {
  start();
  const auto id = enrol("boiler");
  std::atomic<bool> ending{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!ending) {
        registry->seen(id);
        (void)registry->find("boiler");
        (void)registry->resolve({}, {"s*"});
        (void)registry->list("", 10);
      }
    });
  }
  std::thread sessions([&] {
    while (!ending) registry->connected(id), registry->disconnected(id);
  });
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(define(id, {{"s" + std::to_string(i), "", ValueType::number, 0}}));
    ASSERT_TRUE(fakes::answer_of<bool>([&](auto done) { registry->set_tags(id, {{"i", std::to_string(i)}}, done); }));
    enrol("device " + std::to_string(i));
    tick();
  }
  ending = true;
  for (auto& reader : readers) reader.join();
  sessions.join();
  EXPECT_EQ(registry->series_of(id).size(), 40u);
  EXPECT_EQ(registry->count(), 41u);
}

}  // namespace
}  // namespace hub
