#include "hub/live/live_core.h"

#include <future>
#include <utility>

#include "tests/fakes/forgetful_readings.h"
#include "tests/unit/hub/live/live_fixture.h"

namespace hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(LiveCore, a_reading_equal_to_the_latest_is_a_reading_of_its_own) {
  fakes::InMemoryReadingsStore memory;
  fakes::ForgetfulReadings readings(memory);
  LiveWorld world({}, &readings);
  const auto series = world.define(0, "t");
  const auto store = [&] {
    memory.commit(world.frame(0, {LiveWorld::column(series, {kNow}, std::vector<double>{5})}));
  };
  store();
  // Stored again, equal in time and value, while the answer about the latest is on its way.
  std::atomic<bool> is_first = true;
  readings.behind_latest = [&] {
    if (is_first.exchange(false)) store();
  };
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", 0));
  ASSERT_TRUE(viewer.until_live(1));
  EXPECT_EQ((viewer.series(1, series).readings[{kNow, 5}]), 2);
}

TEST(LiveCore, hub_info_comes_first) {
  LiveWorld world;
  auto viewer = world.join();
  EXPECT_TRUE(viewer.until([](const auto& view) { return view.saw_hub; }));
}

TEST(LiveCore, history_then_live_each_reading_once) {
  LiveWorld world;
  const auto series = world.define(0, "temperature");
  for (int i = 0; i < 100; ++i) world.commit(0, series, {kNow - 100 + i}, std::vector<double>{i * 1.0});
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "temp*", kNow - 1'000));
  ASSERT_TRUE(viewer.until_live(1));
  EXPECT_EQ(viewer.series(1, series).readings.size(), 100u);
  EXPECT_TRUE(viewer.series(1, series).done);
  EXPECT_EQ(viewer.series(1, series).info.name(), "temperature");
  EXPECT_EQ(viewer.series(1, series).info.device_id(), world.device_ids[0].str());
  EXPECT_THAT(viewer.view.subscriptions[1].phases,
              ElementsAre(Phase::PHASE_HISTORY, Phase::PHASE_CATCH_UP, Phase::PHASE_LIVE));
  world.commit(0, series, {kNow + 1}, std::vector<double>{1});
  ASSERT_TRUE(viewer.until([&](const auto&) { return viewer.series(1, series).readings.size() == 101; }));
  for (const auto& [reading, times] : viewer.series(1, series).readings) EXPECT_EQ(times, 1);
  EXPECT_FALSE(viewer.view.position.empty());
}

TEST(LiveCore, commits_between_the_pages_of_a_history_come_once) {
  LiveWorld world(LiveLimits{.history_part_bytes = 4'096});
  const auto series = world.define(0, "t");
  std::vector<std::int64_t> times;
  for (int i = 0; i < 30'000; ++i) times.push_back(kNow - 40'000 + i);  // several pages
  world.commit(0, series, times, std::vector<double>(times.size(), 1));
  // A late reading before each question, at a time that has been answered already, and one that has not.
  int asked = 0;
  world.store().before_question = [&] {
    ++asked;
    world.commit(0, series, {kNow - 39'999 + asked, kNow - 5'000 + asked},
                 std::vector<double>{1'000.0 + asked, 2'000.0 + asked});
  };
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow - 50'000));
  // It never gets to the head while each question makes a commit: the core's own commits finish it.
  ASSERT_TRUE(viewer.until_live(1));
  ASSERT_TRUE(viewer.ping());
  const auto& readings = viewer.series(1, series).readings;
  EXPECT_GT(asked, 5);
  EXPECT_EQ(readings.size(), 30'000u + 2 * static_cast<unsigned>(asked));
  for (const auto& [reading, count] : readings) ASSERT_EQ(count, 1) << reading.first << " " << reading.second;
}

TEST(LiveCore, buckets_and_readings_behind_the_grid_come_once) {
  LiveWorld world;
  const auto series = world.define(0, "t");
  for (int i = 0; i < 500; ++i) world.commit(0, series, {kNow - 500 * kSecond + i * kSecond}, std::vector<double>{1});
  world.commit(0, series, {kNow + 5 * kSecond}, std::vector<double>{7});  // a device whose clock runs ahead
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow - 500 * kSecond, 100));
  ASSERT_TRUE(viewer.until_live(1));
  EXPECT_EQ(viewer.series(1, series).buckets.size(), 100u);
  EXPECT_EQ(viewer.series(1, series).bucket_count, 500u);
  EXPECT_THAT(viewer.series(1, series).readings, ElementsAre(std::pair(std::pair(kNow + 5 * kSecond, 7.0), 1)));
}

TEST(LiveCore, without_history_the_latest_values_come) {
  LiveWorld world;
  const auto number = world.define(0, "number");
  const auto text = world.define(0, "text", ValueType::string);
  world.commit(0, number, {kNow - 5, kNow - 4}, std::vector<double>{1, 2});
  world.commit(0, text, {kNow - 3}, std::vector<std::string>{"ready"});
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", 0));
  ASSERT_TRUE(viewer.until_live(1));
  EXPECT_THAT(viewer.series(1, number).readings, ElementsAre(std::pair(std::pair(kNow - 4, 2.0), 1)));
  EXPECT_THAT(viewer.series(1, text).strings, ElementsAre("ready"));
}

TEST(LiveCore, a_closed_range_is_history_only) {
  LiveWorld world;
  const auto series = world.define(0, "t");
  world.commit(0, series, {kNow - 10, kNow - 5}, std::vector<double>{1, 2});
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow - 20, 0, kNow - 5));
  ASSERT_TRUE(viewer.until_phase(1, Phase::PHASE_PAUSED));
  EXPECT_TRUE(viewer.series(1, series).done);
  world.commit(0, series, {kNow}, std::vector<double>{3});
  ASSERT_TRUE(viewer.ping());
  EXPECT_EQ(viewer.series(1, series).readings.size(), 1u);
}

TEST(LiveCore, late_readings_are_marked) {
  LiveWorld world;
  const auto series = world.define(0, "t");
  world.commit(0, series, {kNow}, std::vector<double>{1});
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow - kSecond));
  ASSERT_TRUE(viewer.until_live(1));
  world.commit(0, series, {kNow + 1}, std::vector<double>{2});
  world.commit(0, series, {kNow - 1}, std::vector<double>{3});
  ASSERT_TRUE(viewer.until([&](const auto&) { return viewer.series(1, series).readings.size() == 3; }));
  EXPECT_EQ(viewer.series(1, series).late, 1u);
}

TEST(LiveCore, subscribing_again_shows_the_new_range) {
  LiveWorld world;
  const auto series = world.define(0, "t");
  for (int i = 0; i < 10; ++i) world.commit(0, series, {kNow - 10 + i}, std::vector<double>{1});
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow - 100));
  ASSERT_TRUE(viewer.until_live(1));
  viewer.view.subscriptions[1].phases.clear();
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow - 3));
  ASSERT_TRUE(viewer.until_live(1));
  EXPECT_EQ(viewer.series(1, series).readings.size(), 3u);
  EXPECT_EQ(world.core->counters().subscriptions, 1u);
}

TEST(LiveCore, two_subscriptions_of_a_series_do_not_double_each_other) {
  LiveWorld world(LiveLimits{.history_part_bytes = 512});
  const auto series = world.define(0, "t");
  for (int i = 0; i < 200; ++i) world.commit(0, series, {kNow - 300 + i}, std::vector<double>{1});
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow - 1'000));
  ASSERT_TRUE(viewer.until_live(1));
  int more = 0;
  world.store().before_question = [&] { world.commit(0, series, {kNow + ++more}, std::vector<double>{2}); };
  viewer.subscribe(LiveWorld::subscribe(2, "*", kNow - 1'000));
  ASSERT_TRUE(viewer.until_live(2));
  world.commit(0, series, {kNow + 1'000}, std::vector<double>{3});
  const auto has_all = [&](std::uint32_t id) { return viewer.series(id, series).readings.contains({kNow + 1'000, 3}); };
  ASSERT_TRUE(viewer.until([&](const auto&) { return has_all(1) && has_all(2); }));
  for (const std::uint32_t id : {1u, 2u}) {
    EXPECT_EQ(viewer.series(id, series).readings.size(), 201u + static_cast<unsigned>(more));
    for (const auto& [reading, count] : viewer.series(id, series).readings) EXPECT_EQ(count, 1);
  }
}

TEST(LiveCore, paused_tells_nothing_and_goes_on_where_it_was) {
  LiveWorld world;
  const auto series = world.define(0, "t");
  auto viewer = world.join();
  auto request = LiveWorld::subscribe(1, "*", kNow - 100);
  viewer.subscribe(request);
  ASSERT_TRUE(viewer.until_live(1));
  request.set_paused(true);
  viewer.subscribe(request);
  ASSERT_TRUE(viewer.until_phase(1, Phase::PHASE_PAUSED));
  for (int i = 0; i < 5; ++i) world.commit(0, series, {kNow + i}, std::vector<double>{1});
  ASSERT_TRUE(viewer.ping());
  EXPECT_EQ(viewer.series(1, series).readings.size(), 0u);
  request.set_paused(false);
  viewer.subscribe(request);
  ASSERT_TRUE(viewer.until_live(1));
  EXPECT_EQ(viewer.series(1, series).readings.size(), 5u);
  EXPECT_THAT(viewer.view.subscriptions[1].phases,
              ElementsAre(Phase::PHASE_HISTORY, Phase::PHASE_CATCH_UP, Phase::PHASE_LIVE, Phase::PHASE_PAUSED,
                          Phase::PHASE_CATCH_UP, Phase::PHASE_LIVE));
}

TEST(LiveCore, resumes_by_position_without_history) {
  LiveWorld world;
  const auto series = world.define(0, "t");
  world.commit(0, series, {kNow}, std::vector<double>{1});
  std::string position;
  {
    auto viewer = world.join();
    viewer.subscribe(LiveWorld::subscribe(1, "*", kNow - 100));
    ASSERT_TRUE(viewer.until_live(1));
    world.commit(0, series, {kNow + 1}, std::vector<double>{2});
    ASSERT_TRUE(viewer.until([&](const auto&) { return viewer.series(1, series).readings.size() == 2; }));
    position = viewer.view.position;
    viewer.peer->hang_up();
  }
  world.commit(0, series, {kNow + 2}, std::vector<double>{3});
  auto viewer = world.join();
  auto request = LiveWorld::subscribe(1, "*", kNow - 100);
  request.set_resume_position(position);
  viewer.subscribe(request);
  ASSERT_TRUE(viewer.until_live(1));
  EXPECT_THAT(viewer.series(1, series).readings, ElementsAre(std::pair(std::pair(kNow + 2, 3.0), 1)));
  EXPECT_FALSE(viewer.view.subscriptions[1].saw(Phase::PHASE_HISTORY));
}

TEST(LiveCore, a_position_no_longer_held_restarts_with_history) {
  LiveWorld world;
  const auto series = world.define(0, "t");
  for (int i = 0; i < 10; ++i) world.commit(0, series, {kNow + i}, std::vector<double>{1});
  world.store().forget_through(8);
  Position old = world.store().head();
  old.commit = 3;
  for (const std::string& position : {old.to_bytes(), Position{{}, 3}.to_bytes(), std::string("nonsense")}) {
    auto viewer = world.join();
    auto request = LiveWorld::subscribe(1, "*", kNow);
    request.set_resume_position(position);
    viewer.subscribe(request);
    ASSERT_TRUE(viewer.until_live(1));
    EXPECT_TRUE(viewer.view.subscriptions[1].saw(Phase::PHASE_RESTARTED));
    EXPECT_EQ(viewer.series(1, series).readings.size(), 10u);
  }
}

TEST(LiveCore, commits_the_bus_lost_come_from_the_store) {
  LiveWorld world;
  const auto series = world.define(0, "t");
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow));
  ASSERT_TRUE(viewer.until_live(1));
  world.commit(0, series, {kNow}, std::vector<double>{1});
  world.drop_commits = true;
  for (int i = 1; i < 10; ++i) world.commit(0, series, {kNow + i}, std::vector<double>{1});
  world.drop_commits = false;
  world.commit(0, series, {kNow + 10}, std::vector<double>{1});
  ASSERT_TRUE(viewer.until([&](const auto&) { return viewer.series(1, series).readings.size() == 11; }));
  ASSERT_TRUE(viewer.until_live(1));
  for (const auto& [reading, count] : viewer.series(1, series).readings) EXPECT_EQ(count, 1);
}

TEST(LiveCore, new_series_join_with_their_history) {
  LiveWorld world;
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "t*", kNow - 100));
  ASSERT_TRUE(viewer.until_live(1));
  const auto series = world.define(1, "t2");
  world.define(1, "other");
  world.commit(1, series, {kNow - 1}, std::vector<double>{1});
  world.commit(1, series, {kNow + 1}, std::vector<double>{2});
  ASSERT_TRUE(viewer.until([&](const auto&) { return viewer.series(1, series).readings.size() == 2; }));
  EXPECT_EQ(viewer.view.subscriptions[1].series.size(), 1u);
  world.commit(1, series, {kNow + 2}, std::vector<double>{3});
  ASSERT_TRUE(viewer.until([&](const auto&) { return viewer.series(1, series).readings.size() == 3; }));
  EXPECT_EQ(viewer.series(1, series).info.name(), "t2");
}

TEST(LiveCore, a_tier_keeps_extremes_and_counts) {
  LiveWorld world;
  const auto series = world.define(0, "t");
  auto viewer = world.join();
  auto request = LiveWorld::subscribe(1, "*", kNow);
  request.set_maximum_rate_hz(10);
  viewer.subscribe(request);
  ASSERT_TRUE(viewer.until_live(1));
  EXPECT_EQ(viewer.view.subscriptions[1].tier_hz, 10);
  // Until the tier's first tick readings come raw; from then on conflated. All are counted once.
  const auto total = [&] { return viewer.series(1, series).total(); };
  std::uint64_t sent = 0;
  while (viewer.series(1, series).conflated.size() < 2) {
    world.commit(0, series, {kNow + static_cast<std::int64_t>(sent)}, std::vector<double>{sent % 2 == 0 ? 5.0 : -50.0});
    ++sent;
    ASSERT_TRUE(viewer.ping());
  }
  ASSERT_TRUE(viewer.until([&](const auto&) { return total() == sent; }));
  for (const auto& one : viewer.series(1, series).conflated) {
    if (one.count() < 2) continue;
    EXPECT_EQ(one.maximum(), 5);
    EXPECT_EQ(one.minimum(), -50);
  }
}

TEST(LiveCore, a_change_of_rate_tells_every_reading_once) {
  LiveWorld world;
  const auto series = world.define(0, "t");
  auto viewer = world.join();
  auto request = LiveWorld::subscribe(1, "*", kNow);
  request.set_maximum_rate_hz(10);
  viewer.subscribe(request);
  ASSERT_TRUE(viewer.until_live(1));
  std::uint64_t sent = 0;
  const auto total = [&] { return viewer.series(1, series).total(); };
  for (const double rate : {0.0, 5.0, 1.0, 10.0, 0.0}) {
    for (int i = 0; i < 20; ++i) {
      world.commit(0, series, {kNow + static_cast<std::int64_t>(++sent)}, std::vector<double>{1});
      ASSERT_TRUE(viewer.ping());
    }
    request.set_maximum_rate_hz(rate);
    viewer.subscribe(request);
  }
  ASSERT_TRUE(viewer.until([&](const auto&) { return total() >= sent; }));
  world.commit(0, series, {kNow + static_cast<std::int64_t>(++sent)}, std::vector<double>{1});
  ASSERT_TRUE(viewer.until([&](const auto&) { return total() >= sent; }));
  EXPECT_EQ(total(), sent);
}

TEST(LiveCore, gaps_come_with_history_and_live) {
  LiveWorld world;
  const auto series = world.define(0, "t");
  const auto gap = [&](std::int64_t from) {
    auto frame = world.frame(0, {});
    Gap made;
    made.series = series;
    made.from_us = from, made.to_us = from + 1, made.count = 3, made.reason = GapReason::spool_full;
    frame.gaps.push_back(made);
    world.store().commit(frame);
  };
  gap(kNow - 50);
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow - 100));
  ASSERT_TRUE(viewer.until_live(1));
  ASSERT_EQ(viewer.view.gaps.size(), 1u);
  EXPECT_EQ(viewer.view.gaps[0].count(), 3u);
  gap(kNow);
  ASSERT_TRUE(viewer.until([](const auto& view) { return view.gaps.size() == 2; }));
  EXPECT_EQ(viewer.view.gaps[1].device_id(), world.device_ids[0].str());
  EXPECT_EQ(viewer.view.gaps[1].reason(), pb::GAP_REASON_SPOOL_FULL);
}

TEST(LiveCore, silence_is_told_once_and_so_is_its_end) {
  LiveWorld world;
  const auto series = world.define(0, "t", ValueType::number, 1'000);
  world.commit(0, series, {kNow}, std::vector<double>{1});
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow));
  ASSERT_TRUE(viewer.until_live(1));
  world.clock.advance(4 * kSecond + 1);
  ASSERT_TRUE(viewer.until([](const auto& view) { return view.freshness.size() == 1; }));
  EXPECT_TRUE(viewer.view.freshness[0].stale());
  world.commit(0, series, {kNow + 5 * kSecond}, std::vector<double>{1});
  ASSERT_TRUE(viewer.until([](const auto& view) { return view.freshness.size() == 2; }));
  EXPECT_FALSE(viewer.view.freshness[1].stale());
}

TEST(LiveCore, presence_comes_as_state_and_then_as_changes) {
  LiveWorld world;
  world.devices->connected(world.device_ids[0]);
  world.control.flush();
  auto viewer = world.join();
  pb::ViewerMessage hello;
  hello.mutable_hello();
  viewer.send(hello);
  ASSERT_TRUE(viewer.until([](const auto& view) { return view.presence.size() == 2; }));
  EXPECT_EQ(viewer.view.presence[world.device_ids[0].str()].presence(), pb::PRESENCE_ONLINE);
  EXPECT_EQ(viewer.view.presence[world.device_ids[0].str()].device_name(), "north");
  world.devices->connected(world.device_ids[1]);
  ASSERT_TRUE(viewer.until(
      [&](const auto& view) { return view.presence.at(world.device_ids[1].str()).presence() == pb::PRESENCE_ONLINE; }));
  EXPECT_TRUE(fakes::answer_of<bool>([&](auto done) { world.devices->remove(world.device_ids[1], done); }).has_value());
  ASSERT_TRUE(viewer.until([](const auto& view) { return view.presence.size() == 1; }));
}

TEST(LiveCore, events_resume_by_id_and_come_once) {
  LiveWorld world;
  for (int i = 0; i < 600; ++i) world.events.add("alert", world.device_ids[0]);
  auto viewer = world.join();
  pb::ViewerMessage hello;
  hello.mutable_hello()->set_resume_event_id(100);
  viewer.send(hello);
  ASSERT_TRUE(viewer.until([](const auto& view) { return view.events.size() >= 500; }));
  for (int i = 0; i < 3; ++i) {
    world.bus->publish(std::make_shared<const Event>(world.events.add("execution", world.device_ids[0])));
  }
  ASSERT_TRUE(viewer.until([](const auto& view) { return view.events.size() >= 503; }));
  for (std::uint32_t i = 0; i < 503; ++i) ASSERT_EQ(viewer.view.events[i].id(), 101 + i);
  EXPECT_EQ(viewer.view.event_id, 603u);
}

TEST(LiveCore, a_new_viewer_gets_no_old_events) {
  LiveWorld world;
  world.events.add("alert");
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", 0));
  ASSERT_TRUE(viewer.until_live(1));
  ASSERT_TRUE(viewer.until([&](const auto& view) { return view.event_id == 1 || (viewer.ping() && false); }));
  world.bus->publish(std::make_shared<const Event>(world.events.add("alert")));
  ASSERT_TRUE(viewer.until([](const auto& view) { return !view.events.empty(); }));
  EXPECT_EQ(viewer.view.events[0].id(), 2u);
}

TEST(LiveCore, a_bad_request_names_its_field_and_the_session_lives) {
  LiveWorld world(LiveLimits{.subscriptions_per_viewer = 1, .series_per_viewer = 1});
  world.define(0, "a");
  world.define(0, "b");
  auto viewer = world.join();
  const auto refused = [&](pb::Subscribe request, const char* field) {
    const auto before = viewer.view.errors.size();
    viewer.subscribe(request);
    ASSERT_TRUE(viewer.until([&](const auto& view) { return view.errors.size() > before; })) << field;
    EXPECT_THAT(viewer.view.errors.back().message(), HasSubstr(field));
    EXPECT_EQ(viewer.view.errors.back().subscription(), request.id());
  };
  refused(LiveWorld::subscribe(1, "*", kNow, 20'001), "width");
  refused(LiveWorld::subscribe(1, "*", kNow, 0, kNow - 1), "to_us");
  refused(LiveWorld::subscribe(1, "*", -5), "from_us");
  refused(LiveWorld::subscribe(0, "*", 5), "id");
  refused(LiveWorld::subscribe(1, "*", kNow), "selector");  // two series, one allowed
  auto grouped = LiveWorld::subscribe(1, "a", kNow);
  for (int i = 0; i < 65; ++i) grouped.mutable_selector()->add_groups("roof");
  refused(grouped, "selector.groups");
  auto hasty = LiveWorld::subscribe(1, "a", kNow);
  hasty.set_maximum_rate_hz(-1);
  refused(hasty, "maximum_rate_hz");
  viewer.subscribe(LiveWorld::subscribe(1, "a", kNow));
  ASSERT_TRUE(viewer.until_live(1));
  refused(LiveWorld::subscribe(2, "none", kNow), "id");
}

TEST(LiveCore, unreadable_bytes_close_1007) {
  LiveWorld world;
  auto viewer = world.join();
  viewer.peer->send("\xff\xff\xff not protobuf");
  EXPECT_EQ(viewer.peer->wait_for_close().code, 1007);
}

TEST(LiveCore, signing_out_closes_the_viewer) {
  LiveWorld world;
  const auto grant = fakes::answer_of<SessionGrant>([&](auto done) {
    world.identity->set_up(world.identity->setup_code(), "ann", "correct horse", "192.0.2.1", done);
  });
  ASSERT_TRUE(grant.has_value());
  auto viewer = world.join(256 * 1024, grant->principal.session_key);
  ASSERT_TRUE(viewer.ping());
  world.identity->sign_out(grant->cookie_token);
  const auto reason = viewer.peer->wait_for_close();
  EXPECT_EQ(reason.code, 4001);
  EXPECT_EQ(reason.reason, "signed out");
}

TEST(LiveCore, stopping_closes_viewers_for_an_early_return) {
  LiveWorld world;
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow));
  ASSERT_TRUE(viewer.until_live(1));
  world.stop();
  EXPECT_EQ(viewer.peer->wait_for_close().code, 4203);
  EXPECT_EQ(world.core->counters().viewers, 0u);
  EXPECT_EQ(world.core->counters().subscriptions, 0u);
}

TEST(LiveCore, too_many_viewers_are_turned_away) {
  LiveWorld world(LiveLimits{.viewers = 1});
  auto first = world.join();
  ASSERT_TRUE(first.ping());
  auto second = world.join();
  EXPECT_EQ(second.peer->wait_for_close().code, 4102);
  EXPECT_TRUE(first.ping());
}

TEST(LiveCore, history_that_nobody_wants_any_more_is_called_off) {
  LiveWorld world;
  const auto series = world.define(0, "t");
  world.commit(0, series, {kNow - 10}, std::vector<double>{1});
  std::promise<void> asked, gone;
  const auto go_on = gone.get_future().share();
  bool first = true;
  world.store().before_question = [&, go_on] {
    if (std::exchange(first, false)) asked.set_value();
    go_on.wait_for(std::chrono::seconds(60));
  };
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow - 1'000));
  ASSERT_EQ(asked.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  pb::ViewerMessage message;
  message.mutable_unsubscribe()->set_id(1);
  viewer.send(message);
  ASSERT_TRUE(viewer.ping());
  gone.set_value();
  ASSERT_TRUE(viewer.ping());
  world.stop();
  EXPECT_EQ(world.store().questions_cancelled(), 1);
}

TEST(LiveCore, unsubscribed_series_come_no_more) {
  LiveWorld world;
  const auto series = world.define(0, "t");
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow));
  ASSERT_TRUE(viewer.until_live(1));
  pb::ViewerMessage message;
  message.mutable_unsubscribe()->set_id(1);
  viewer.send(message);
  ASSERT_TRUE(viewer.ping());
  world.commit(0, series, {kNow}, std::vector<double>{1});
  ASSERT_TRUE(viewer.ping());
  EXPECT_TRUE(viewer.series(1, series).readings.empty());
  EXPECT_EQ(world.core->counters().subscriptions, 0u);
}

}  // namespace
}  // namespace hub
