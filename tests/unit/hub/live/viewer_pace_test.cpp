#include "tests/unit/hub/live/live_fixture.h"

namespace hub {
namespace {

LiveLimits small() {
  return LiveLimits{.history_part_bytes = 1'024, .backlog_bytes = 8 * 1'024, .tick_us = 1'000};
}

/// Follows every series, and is live.
LiveWorld::Viewer live_viewer(LiveWorld& world) {
  auto viewer = world.join();
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow));
  EXPECT_TRUE(viewer.until_live(1));
  return viewer;
}

/// Commits until the hub has given this viewer up as live; answers how many.
int commit_until_slow(LiveWorld& world, LiveWorld::Viewer& viewer, SeriesId series, std::int64_t from_us) {
  int n = 0;
  // One by one, each seen on its way: a burst at an empty socket is no slow viewer.
  while (viewer.peer->backlog_bytes() < 6 * 1'024) {
    const std::size_t written = viewer.peer->messages_written();
    world.commit(0, series, {from_us + n}, std::vector<double>{1});
    ++n;
    while (viewer.peer->messages_written() == written) std::this_thread::yield();
  }
  // What follows does not fit any more.
  for (int i = 0; i < 2'000; ++i, ++n) world.commit(0, series, {from_us + n}, std::vector<double>{1});
  return n;
}

TEST(ViewerPace, a_slow_viewer_holds_little_and_misses_nothing) {
  LiveWorld world(small());
  const auto series = world.define(0, "t");
  auto viewer = live_viewer(world), healthy = live_viewer(world);
  viewer.peer->set_accepting(false);
  const auto sent = static_cast<std::size_t>(commit_until_slow(world, viewer, series, kNow));
  ASSERT_TRUE(healthy.until([&](const auto&) { return healthy.series(1, series).readings.size() == sent; }));
  EXPECT_LE(viewer.peer->largest_backlog(), 10u * 1'024);
  viewer.peer->set_accepting(true);
  ASSERT_TRUE(viewer.until([&](const auto&) { return viewer.series(1, series).readings.size() == sent; }));
  ASSERT_TRUE(viewer.until_live(1));
  for (const auto& [reading, count] : viewer.series(1, series).readings) ASSERT_EQ(count, 1);
  EXPECT_TRUE(viewer.view.subscriptions[1].saw(Phase::PHASE_LATEST_ONLY));
  EXPECT_FALSE(healthy.view.subscriptions[1].saw(Phase::PHASE_LATEST_ONLY));
}

TEST(ViewerPace, where_the_room_of_all_is_short_less_waits_for_each) {
  auto limits = small();
  limits.backlog_total_bytes = 128 * 1'024;  // a 64th of it for one
  LiveWorld world(limits);
  const auto series = world.define(0, "t");
  auto viewer = live_viewer(world), healthy = live_viewer(world);
  viewer.peer->set_accepting(false);
  constexpr std::size_t kReadings = 2'500;
  for (std::size_t i = 0; i < kReadings; ++i) {
    world.commit(0, series, {kNow + static_cast<std::int64_t>(i)}, std::vector<double>{1});
  }
  ASSERT_TRUE(healthy.until([&](const auto&) { return healthy.series(1, series).readings.size() == kReadings; }));
  EXPECT_LE(viewer.peer->largest_backlog(), 4u * 1'024) << "of its 8 KiB";
  EXPECT_GT(world.core->counters().backlog_bytes, 0u);
  viewer.peer->set_accepting(true);
  ASSERT_TRUE(viewer.until([&](const auto&) { return viewer.series(1, series).readings.size() == kReadings; }));
  ASSERT_TRUE(viewer.until_live(1));
  while (world.core->counters().backlog_bytes > 0) std::this_thread::yield();
}

TEST(ViewerPace, a_burst_at_a_lower_rate_comes_by_when_it_was_measured) {
  LiveWorld world;
  const auto series = world.define(0, "t");
  auto viewer = world.join();
  auto request = LiveWorld::subscribe(1, "*", kNow);
  request.set_maximum_rate_hz(10);
  viewer.subscribe(request);
  ASSERT_TRUE(viewer.until_live(1));
  const auto& told = viewer.series(1, series);
  std::uint64_t sent = 0;
  while (told.conflated.empty()) {  // until the first tick readings come raw
    world.commit(0, series, {kNow + static_cast<std::int64_t>(sent++)}, std::vector<double>{0});
    ASSERT_TRUE(viewer.ping());
  }
  ASSERT_TRUE(viewer.until([&](const auto&) { return told.total() == sent; }));
  const std::size_t before = told.conflated.size();
  std::vector<std::int64_t> times;
  for (int i = 0; i < 5; ++i) times.push_back(kNow + kSecond + i * kSecond / 5);
  world.commit(0, series, times, std::vector<double>{1, 2, 3, 4, 5});
  ASSERT_TRUE(viewer.until([&](const auto&) { return told.total() == sent + 5; }));
  ASSERT_EQ(told.conflated.size(), before + 5);
  EXPECT_EQ(told.conflated[before + 2].first(), 3);
}

TEST(ViewerPace, behind_an_http_answer_messages_are_small_whatever_comes_at_once) {
  constexpr int kSeries = 400, kReadings = 20;
  LiveWorld world;
  std::vector<SeriesId> all;
  for (int i = 0; i < kSeries; ++i) all.push_back(world.define(0, "s" + std::to_string(i)));
  auto viewer = world.join(256 * 1024, {}, {kEveryDevice}, LiveLink::poll);
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow));
  ASSERT_TRUE(viewer.until_live(1));
  EXPECT_EQ(world.core->counters().polls, 1u);
  std::vector<SeriesColumn> columns;
  for (const SeriesId series : all) {
    std::vector<std::int64_t> times;
    std::vector<double> values;
    for (int i = 0; i < kReadings; ++i) {
      times.push_back(kNow + i);
      values.push_back(i);
    }
    columns.push_back(LiveWorld::column(series, std::move(times), std::move(values)));
  }
  world.store().commit(world.frame(0, std::move(columns)));  // some 100 KB in one commit
  std::size_t readings = 0, longest = 0;
  while (readings < static_cast<std::size_t>(kSeries) * kReadings) {
    const auto message = viewer.peer->receive();
    ASSERT_TRUE(message && viewer.view.apply(*message));
    longest = std::max(longest, message->size());
    readings = 0;
    for (const SeriesId series : all) readings += viewer.series(1, series).readings.size();
  }
  EXPECT_LE(longest, 66u * 1'024);
  for (const SeriesId series : all) {
    for (const auto& [reading, count] : viewer.series(1, series).readings) ASSERT_EQ(count, 1);
  }
  EXPECT_FALSE(viewer.view.subscriptions[1].saw(Phase::PHASE_LATEST_ONLY));
}

TEST(ViewerPace, a_slow_viewer_whose_commits_are_gone_starts_anew) {
  LiveWorld world(small());
  const auto series = world.define(0, "t");
  auto viewer = live_viewer(world);
  viewer.peer->set_accepting(false);
  const auto sent = static_cast<std::size_t>(commit_until_slow(world, viewer, series, kNow));
  world.store().forget_through(world.store().head().commit - 1);
  viewer.peer->set_accepting(true);
  ASSERT_TRUE(viewer.until([](const auto& view) { return view.subscriptions.at(1).saw(Phase::PHASE_RESTARTED); }));
  ASSERT_TRUE(viewer.until_live(1));
  EXPECT_EQ(viewer.series(1, series).readings.size(), sent);
  for (const auto& [reading, count] : viewer.series(1, series).readings) ASSERT_EQ(count, 1);
}

TEST(ViewerPace, who_is_slow_again_and_again_gets_conflated_values_for_a_while) {
  auto limits = small();
  limits.stalls_before_conflated = 1;
  LiveWorld world(limits);
  const auto series = world.define(0, "t");
  auto viewer = live_viewer(world);
  viewer.peer->set_accepting(false);
  auto sent = static_cast<std::uint64_t>(commit_until_slow(world, viewer, series, kNow));
  viewer.peer->set_accepting(true);
  ASSERT_TRUE(viewer.until_phase(1, Phase::PHASE_CONFLATED));
  const auto total = [&] { return viewer.series(1, series).total(); };
  world.commit(0, series, {kNow + static_cast<std::int64_t>(sent)}, std::vector<double>{-77});
  ++sent;
  ASSERT_TRUE(viewer.until([&](const auto&) { return total() == sent; }));
  EXPECT_EQ(viewer.series(1, series).conflated.back().minimum(), -77);
  world.clock.advance(11 * kSecond);
  ASSERT_TRUE(viewer.until_live(1));
  world.commit(0, series, {kNow + static_cast<std::int64_t>(sent)}, std::vector<double>{5});
  ++sent;
  ASSERT_TRUE(viewer.until([&](const auto&) { return total() == sent; }));
  EXPECT_TRUE(viewer.series(1, series).readings.contains({kNow + static_cast<std::int64_t>(sent) - 1, 5}));
}

TEST(ViewerPace, without_progress_it_is_closed_as_slow) {
  LiveWorld world(small());
  const auto series = world.define(0, "t");
  auto viewer = live_viewer(world);
  viewer.peer->set_accepting(false);
  commit_until_slow(world, viewer, series, kNow);
  world.clock.advance(31 * kSecond);
  const auto reason = viewer.peer->wait_for_close();
  EXPECT_EQ(reason.code, 4200);
  EXPECT_EQ(reason.reason, "slow");
  EXPECT_EQ(world.core->counters().slow_closed, 1u);
  // Its socket is full: it hears of it when it reads again, and has time for that.
  EXPECT_EQ(viewer.peer->close_patience(), std::chrono::seconds(30));
}

TEST(ViewerPace, only_so_many_closed_viewers_are_waited_for) {
  auto limits = small();
  limits.slow_lingering = 0;
  LiveWorld world(limits);
  const auto series = world.define(0, "t");
  auto viewer = live_viewer(world);
  viewer.peer->set_accepting(false);
  commit_until_slow(world, viewer, series, kNow);
  world.clock.advance(31 * kSecond);
  EXPECT_EQ(viewer.peer->wait_for_close().code, 4200);
  EXPECT_EQ(viewer.peer->close_patience(), std::chrono::seconds(2));
}

TEST(ViewerPace, what_waits_too_long_is_too_much_however_little_it_is) {
  auto limits = small();
  limits.slow_close_us = 1'000'000 * kSecond;
  LiveWorld world(limits);
  const auto series = world.define(0, "t");
  auto viewer = live_viewer(world);
  viewer.peer->set_accepting(false);
  const std::size_t before = viewer.peer->messages_written();
  world.commit(0, series, {kNow}, std::vector<double>{1});
  while (viewer.peer->messages_written() == before) std::this_thread::yield();
  const std::size_t waits = viewer.peer->messages_written();
  EXPECT_LT(viewer.peer->backlog_bytes(), 1'024u);
  // Each second of the hub's looks at how old it is; its clock is this one.
  while (viewer.peer->messages_written() == waits) {
    world.clock.advance(100);
    std::this_thread::yield();
  }
  viewer.peer->set_accepting(true);
  ASSERT_TRUE(viewer.until([](const auto& view) { return view.subscriptions.at(1).saw(Phase::PHASE_LATEST_ONLY); }));
  ASSERT_TRUE(viewer.until_live(1));
  EXPECT_EQ(viewer.series(1, series).readings.size(), 1u);
}

TEST(ViewerPace, a_burst_larger_than_the_backlog_arrives_in_parts) {
  LiveWorld world(small());
  const auto series = world.define(0, "t");
  auto viewer = live_viewer(world);
  std::vector<std::int64_t> times;
  for (int i = 0; i < 5'000; ++i) times.push_back(kNow + i);
  world.commit(0, series, times, std::vector<double>(times.size(), 1.5));
  ASSERT_TRUE(viewer.until([&](const auto&) { return viewer.series(1, series).readings.size() == 5'000; }));
  ASSERT_TRUE(viewer.until_live(1));
  EXPECT_FALSE(viewer.view.subscriptions[1].saw(Phase::PHASE_LATEST_ONLY));
  EXPECT_LE(viewer.peer->largest_backlog(), 8u * 1'024);
}

TEST(ViewerPace, events_wait_for_a_slow_viewer_in_the_store) {
  LiveWorld world(small());
  const auto series = world.define(0, "t");
  auto viewer = world.join();
  world.events.add("alert");
  viewer.subscribe(LiveWorld::subscribe(1, "*", kNow));
  ASSERT_TRUE(viewer.until_live(1));
  ASSERT_TRUE(viewer.until([&](const auto& view) { return view.event_id == 1 || (viewer.ping() && false); }));
  viewer.peer->set_accepting(false);
  commit_until_slow(world, viewer, series, kNow);
  for (int i = 0; i < 1'000; ++i) world.bus->publish(std::make_shared<const Event>(world.events.add("alert")));
  world.devices->connected(world.device_ids[0]);
  world.control.flush();
  viewer.peer->set_accepting(true);
  ASSERT_TRUE(viewer.until([](const auto& view) { return view.events.size() >= 1'000; }));
  for (std::uint32_t i = 0; i < 1'000; ++i) ASSERT_EQ(viewer.view.events[i].id(), 2 + i);
  ASSERT_TRUE(viewer.until(
      [&](const auto& view) { return view.presence.at(world.device_ids[0].str()).presence() == pb::PRESENCE_ONLINE; }));
}

}  // namespace
}  // namespace hub
