// Groups: by tags that operators give, worked out again whenever tags or groups change.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/devices/device_registry.h"
#include "tests/fakes/hub_fixture.h"

namespace hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Tags = std::map<std::string, std::string>;

class RegistryGroups : public ::testing::Test {
 protected:
  RegistryGroups() { start(); }
  ~RegistryGroups() override { stop(); }
  void start() {
    control = std::make_unique<base::Worker>("control");
    registry = std::make_unique<DeviceRegistry>(*files.devices, *control, clock);
  }
  void stop() {
    registry.reset();
    control->flush();
    control.reset();
  }
  DeviceId enrol(const std::string& name) {
    const auto record = files.enrol(name);
    control->post([&] { registry->added(record); });
    control->flush();
    return record.id;
  }
  Outcome<bool> tag(const DeviceId& device, Tags tags) {
    return fakes::answer_of<bool>([&](auto done) { registry->set_tags(device, std::move(tags), done); });
  }
  Outcome<bool> put(std::string name, Tags tags) {
    return fakes::answer_of<bool>([&](auto done) { registry->put_group(std::move(name), std::move(tags), done); });
  }
  Outcome<bool> remove(std::string name) {
    return fakes::answer_of<bool>([&](auto done) { registry->remove_group(std::move(name), done); });
  }

  fakes::HubFiles files;
  fakes::ManualClock clock;
  std::unique_ptr<base::Worker> control;
  std::unique_ptr<DeviceRegistry> registry;
};

TEST_F(RegistryGroups, a_device_is_in_every_group_whose_tags_it_has) {
  const DeviceId boiler = enrol("boiler"), pump = enrol("pump");
  ASSERT_TRUE(tag(boiler, {{"site", "north"}, {"floor", "1"}}));
  EXPECT_TRUE(put("north", {{"site", "north"}}).value()) << "new";
  EXPECT_TRUE(put("north-1", {{"site", "north"}, {"floor", "1"}}).value());
  EXPECT_TRUE(put("south", {{"site", "south"}}).value());
  EXPECT_THAT(registry->groups_of(boiler), ElementsAre("north", "north-1"));
  EXPECT_THAT(registry->groups_of(pump), IsEmpty());
  ASSERT_TRUE(tag(pump, {{"site", "north"}, {"floor", "12"}}));
  EXPECT_THAT(registry->groups_of(pump), ElementsAre("north")) << "values are compared whole";
  const auto north = registry->devices_in("north");
  ASSERT_EQ(north.size(), 2u);
  EXPECT_EQ(north[0].name, "boiler");
  EXPECT_EQ(north[1].name, "pump");
  EXPECT_FALSE(put("north", {{"site", "south"}}).value()) << "changed";
  EXPECT_THAT(registry->groups_of(boiler), ElementsAre("north-1"));
  ASSERT_TRUE(remove("north-1"));
  EXPECT_THAT(registry->groups_of(boiler), IsEmpty());
  EXPECT_EQ(registry->groups().size(), 2u);
}

TEST_F(RegistryGroups, what_a_device_says_of_itself_counts_for_nothing) {
  const DeviceId boiler = enrol("boiler");
  ASSERT_TRUE(put("north", {{"site", "north"}}));
  registry->described(boiler, {{"site", "north"}}, {});
  control->flush();
  EXPECT_EQ(registry->find("boiler")->attributes, (Tags{{"site", "north"}}));
  EXPECT_THAT(registry->groups_of(boiler), IsEmpty());
}

TEST_F(RegistryGroups, series_are_in_the_groups_of_their_device) {
  const DeviceId boiler = enrol("boiler");
  const auto series = fakes::answer_of<std::vector<SeriesId>>([&](auto done) {
    registry->define_series(boiler, {{"temp", "C", ValueType::number, 0}}, done);
  });
  ASSERT_TRUE(put("north", {{"site", "north"}}));
  EXPECT_THAT(registry->groups_of(series->front()), IsEmpty());
  ASSERT_TRUE(tag(boiler, {{"site", "north"}}));
  EXPECT_THAT(registry->groups_of(series->front()), ElementsAre("north"));
  EXPECT_THAT(registry->groups_of(SeriesId{999}), IsEmpty());
}

TEST_F(RegistryGroups, they_survive_a_restart) {
  const DeviceId boiler = enrol("boiler");
  ASSERT_TRUE(tag(boiler, {{"site", "north"}}));
  ASSERT_TRUE(put("north", {{"site", "north"}}));
  const auto created_us = registry->group("north")->created_us;
  clock.advance(5'000'000);
  ASSERT_TRUE(put("north", {{"site", "south"}}));
  ASSERT_TRUE(put("other", {{"site", "north"}}));
  stop();
  files.reopen();
  start();
  EXPECT_THAT(registry->groups_of(boiler), ElementsAre("other"));
  EXPECT_EQ(registry->group("north")->tags, (Tags{{"site", "south"}}));
  EXPECT_EQ(registry->group("north")->created_us, created_us);
}

TEST_F(RegistryGroups, the_version_grows_with_memberships_only) {
  const DeviceId boiler = enrol("boiler");
  const auto before = registry->memberships_version();
  ASSERT_TRUE(put("north", {{"site", "north"}}));
  ASSERT_TRUE(tag(boiler, {{"floor", "1"}}));
  EXPECT_EQ(registry->memberships_version(), before);
  ASSERT_TRUE(tag(boiler, {{"site", "north"}}));
  EXPECT_GT(registry->memberships_version(), before);
}

TEST_F(RegistryGroups, members_are_told_and_regroupings_counted) {
  const DeviceId boiler = enrol("boiler"), pump = enrol("pump");
  ASSERT_TRUE(tag(boiler, {{"site", "north"}}));
  const auto before = registry->regroupings();
  ASSERT_TRUE(put("north", {{"site", "north"}}));
  EXPECT_EQ(registry->regroupings(), before + 1);
  const std::vector<std::string> north{"south", "north"}, none;
  EXPECT_TRUE(registry->is_in_any(boiler, north));
  EXPECT_FALSE(registry->is_in_any(boiler, none));
  EXPECT_FALSE(registry->is_in_any(pump, north));
  EXPECT_FALSE(registry->is_in_any(DeviceId("d-none"), north));
  ASSERT_TRUE(tag(boiler, {{"site", "south"}}));
  EXPECT_EQ(registry->regroupings(), before + 2);
  EXPECT_FALSE(registry->is_in_any(boiler, north));
}

TEST_F(RegistryGroups, mistakes_are_told) {
  for (const char* name : {"", "North", "a/b", "..", "abcdefghijklmnopqrstuvwxyz0123456"}) {
    const auto refused = put(name, {{"site", "north"}});
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, errc::invalid_argument);
    EXPECT_EQ(refused.error().field, "/name");
  }
  const auto empty = put("all", {});
  ASSERT_FALSE(empty) << "every device would be in it";
  EXPECT_EQ(empty.error().field, "/tags");
  EXPECT_FALSE(put("north", {{"bad key", "x"}}));
  EXPECT_EQ(remove("north").error().code, errc::not_found);
}

}  // namespace
}  // namespace hub
