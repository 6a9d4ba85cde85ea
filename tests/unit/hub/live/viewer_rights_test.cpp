// What a viewer's groups let it see of a live stream, and what happens when its rights change.
#include "tests/unit/hub/live/live_fixture.h"

namespace hub {
namespace {

using fakes::answer_of;

class ViewerRights : public ::testing::Test {
 protected:
  ViewerRights() {
    tag(0, "north");
    tag(1, "south");
    group("north");
    north = world.define(0, "temperature");
    south = world.define(1, "temperature");
  }
  void tag(std::size_t device, const std::string& site) {
    ASSERT_TRUE(answer_of<bool>([&](auto done) {
      world.devices->set_tags(world.device_ids[device], {{"site", site}}, done);
    }));
  }
  void group(const std::string& site) {
    ASSERT_TRUE(answer_of<bool>([&](auto done) { world.devices->put_group(site, {{"site", site}}, done); }));
  }
  SessionGrant user(const std::vector<std::string>& groups) {
    EXPECT_TRUE(answer_of<UserId>(
        [&](auto done) { world.identity->put_user("ann", "correct horse", Role::viewer, groups, done); }));
    auto grant =
        answer_of<SessionGrant>([&](auto done) { world.identity->sign_in("ann", "correct horse", "192.0.2.1", done); });
    return grant.value();
  }
  LiveWorld::Viewer join(const SessionGrant& grant) {
    return world.join(256 * 1024, grant.principal.session_key, grant.principal.groups);
  }
  void say_hello(LiveWorld::Viewer& viewer) {
    pb::ViewerMessage message;
    message.mutable_hello();
    viewer.send(message);
  }

  LiveWorld world;
  SeriesId north{}, south{};
};

TEST_F(ViewerRights, only_devices_of_its_groups_are_seen_named_or_not) {
  auto viewer = world.join(256 * 1024, {}, {"north"});
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow));
  auto named = LiveWorld::subscribe(2, "*", kNow);
  named.mutable_selector()->add_devices("south");
  viewer.subscribe(named);
  ASSERT_TRUE(viewer.until_live(1));
  ASSERT_TRUE(viewer.until_live(2));
  world.commit(1, south, {kNow + 1}, std::vector<double>{1});
  world.commit(0, north, {kNow + 1}, std::vector<double>{2});
  ASSERT_TRUE(viewer.until([&](const auto&) { return !viewer.series(1, north).readings.empty(); }));
  EXPECT_FALSE(viewer.view.subscriptions[1].series.contains(raw(south)));
  EXPECT_TRUE(viewer.view.subscriptions[2].series.empty());
  const SeriesId added = world.define(1, "humidity");
  const SeriesId seen = world.define(0, "humidity");
  ASSERT_TRUE(viewer.until([&](const auto&) { return viewer.view.subscriptions[1].series.contains(raw(seen)); }));
  EXPECT_FALSE(viewer.view.subscriptions[1].series.contains(raw(added)));
}

TEST_F(ViewerRights, presence_of_others_is_not_told_nor_their_removal) {
  auto viewer = world.join(256 * 1024, {}, {"north"});
  say_hello(viewer);
  ASSERT_TRUE(viewer.until([](const auto& view) { return !view.presence.empty(); }));
  ASSERT_TRUE(viewer.ping());
  EXPECT_EQ(viewer.view.presence.size(), 1u);
  EXPECT_TRUE(viewer.view.presence.contains(world.device_ids[0].str()));
  for (const std::size_t device : {1u, 0u}) {
    ASSERT_TRUE(answer_of<bool>([&](auto done) { world.devices->remove(world.device_ids[device], done); }));
  }
  ASSERT_TRUE(viewer.until([&](const auto& view) { return view.removed.contains(world.device_ids[0].str()); }));
  EXPECT_EQ(viewer.view.removed.size(), 1u);
}

TEST_F(ViewerRights, no_group_sees_nothing) {
  auto viewer = world.join(256 * 1024, {}, {});
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow));
  ASSERT_TRUE(viewer.until_live(1));
  EXPECT_TRUE(viewer.view.subscriptions[1].series.empty());
}

TEST_F(ViewerRights, groups_can_be_selected_and_closed_when_their_members_change) {
  group("south");
  auto viewer = world.join();
  auto grouped = LiveWorld::subscribe(1, "*", kNow);
  grouped.mutable_selector()->add_groups("south");
  grouped.mutable_selector()->add_groups("nowhere");
  viewer.subscribe(grouped);
  ASSERT_TRUE(viewer.until_live(1));
  EXPECT_EQ(viewer.view.subscriptions[1].series.size(), 1u);
  EXPECT_TRUE(viewer.view.subscriptions[1].series.contains(raw(south)));
  grouped.set_id(2);
  grouped.mutable_selector()->add_devices("north");
  grouped.mutable_selector()->add_devices("south");
  viewer.subscribe(grouped);
  ASSERT_TRUE(viewer.until_live(2));
  EXPECT_EQ(viewer.view.subscriptions[2].series.size(), 2u);
  const SeriesId added = world.define(1, "humidity");
  ASSERT_TRUE(viewer.until([&](const auto&) { return viewer.view.subscriptions[1].series.contains(raw(added)); }));
  // Not of a session: nobody looks at its rights, but at its groups.
  tag(0, "south");
  EXPECT_EQ(viewer.peer->wait_for_close().code, 4202);
}

TEST_F(ViewerRights, other_rights_close_it_for_a_new_start) {
  const auto grant = user({"north"});
  auto viewer = join(grant);
  ASSERT_TRUE(viewer.ping());
  ASSERT_TRUE(answer_of<bool>([&](auto done) {
    world.identity->change_rights("ann", std::nullopt, std::vector<std::string>{"north", "south"}, done);
  }));
  EXPECT_EQ(viewer.peer->wait_for_close().code, 4202);
}

TEST_F(ViewerRights, device_that_comes_or_goes_closes_it_and_only_whom_it_concerns) {
  const auto grant = user({"north"});
  auto bound = join(grant);
  auto free = world.join();
  ASSERT_TRUE(bound.ping());
  tag(1, "north");
  EXPECT_EQ(bound.peer->wait_for_close().code, 4202);
  EXPECT_TRUE(free.ping());
}

TEST_F(ViewerRights, removed_token_closes_its_viewer) {
  const auto grant = user({"*"});
  const auto made = answer_of<ApiToken>([&](auto done) {
    world.identity->create_api_token({grant.principal.user, "screen", static_cast<Scopes>(Scope::read), 0}, done);
  });
  auto viewer = world.join(256 * 1024, world.identity->api_token(made->token)->session_key);
  ASSERT_TRUE(viewer.ping());
  ASSERT_TRUE(answer_of<bool>([&](auto done) { world.identity->remove_api_token(made->id, done); }));
  EXPECT_EQ(viewer.peer->wait_for_close().code, 4001);
}

}  // namespace
}  // namespace hub
