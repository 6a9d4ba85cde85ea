// The small parts by themselves: fragments, conflation, coverage, positions, outbox, inbox.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "hub/live/backlog_share.h"
#include "hub/live/bus_inbox.h"
#include "hub/live/conflator.h"
#include "hub/live/coverage.h"
#include "hub/live/outbox.h"
#include "hub/live/session_position.h"
#include "hub/live/tiers.h"

namespace hub::live {
namespace {

using ::testing::ElementsAre;

pb::LiveMessage parse(const std::string& bytes) {
  pb::LiveMessage message;
  EXPECT_TRUE(message.ParseFromString(bytes));
  return message;
}

TEST(BacklogShare, one_alone_has_its_bound_and_many_share_the_total) {
  constexpr std::size_t kTotal = 32 << 20, kEach = 256 << 10, kLeast = 32 << 10;
  BacklogShare share(kTotal, kEach, kLeast);
  EXPECT_EQ(share.limit(), kEach);
  std::size_t last = kEach;
  const auto stall = [&](int viewers) {  // each takes what it may, and keeps it
    for (int i = 0; i < viewers; ++i) {
      EXPECT_LE(share.limit(), last);
      last = share.limit();
      share.changed(0, last);
    }
  };
  stall(180);
  EXPECT_LT(share.used_bytes(), kTotal);
  EXPECT_LT(last, kEach);
  EXPECT_GT(last, kLeast);
  stall(820);
  EXPECT_EQ(last, kLeast);
  EXPECT_LT(share.used_bytes(), kTotal + 1'000 * kLeast);
  share.changed(share.used_bytes(), 0);
  EXPECT_EQ(share.limit(), kEach);
}

TEST(BacklogShare, past_the_total_each_still_has_room_for_one_part) {
  BacklogShare share(1'000, 256, 100);
  share.changed(0, 5'000);
  EXPECT_EQ(share.limit(), 100u);
}

TEST(Fragment, pieces_behind_each_other_are_one_message) {
  const std::vector<std::int64_t> times = {10, 12, 11};
  const ValueColumn values = std::vector<double>{1, 2, 3};
  std::string bytes;
  append_update(bytes, {SeriesId{7}, times, &values, 0, 3}, true, 4);
  bytes += *phase_fragment(4, pb::LivePhase::PHASE_LIVE, 5);
  const auto message = parse(bytes);
  ASSERT_EQ(message.updates_size(), 1);
  EXPECT_EQ(message.updates(0).series(), 7u);
  EXPECT_EQ(message.updates(0).time_us(), 10);
  EXPECT_THAT(message.updates(0).time_delta_us(), ElementsAre(2, -1));
  EXPECT_THAT(message.updates(0).numbers(), ElementsAre(1, 2, 3));
  EXPECT_TRUE(message.updates(0).late());
  EXPECT_EQ(message.updates(0).subscription(), 4u);
  ASSERT_EQ(message.phases_size(), 1);
}

TEST(Fragment, times_too_far_apart_for_a_delta_begin_anew) {
  const std::vector<std::int64_t> times = {0, 3'000'000'000, 3'000'000'001};
  const ValueColumn values = std::vector<std::string>{"a", "b", "c"};
  std::string bytes;
  append_update(bytes, {SeriesId{1}, times, &values, 0, 3}, false, 0);
  const auto message = parse(bytes);
  ASSERT_EQ(message.updates_size(), 2);
  EXPECT_THAT(message.updates(0).strings(), ElementsAre("a"));
  EXPECT_EQ(message.updates(1).time_us(), 3e9);
  EXPECT_THAT(message.updates(1).strings(), ElementsAre("b", "c"));
}

TEST(Fragment, parts_of_long_strings_stay_small) {
  const std::vector<std::int64_t> times(100, 5);
  const ValueColumn values = std::vector<std::string>(100, std::string(1'000, 'x'));
  EXPECT_LE(fitting({SeriesId{1}, times, &values, 0, 100}, 10'000), 10u);
  EXPECT_EQ(fitting({SeriesId{1}, times, &values, 0, 100}, 1), 1u);
}

std::vector<pb::SeriesUpdate> drain(Conflator& conflator) {
  std::vector<pb::SeriesUpdate> updates;
  conflator.drain(0, [&](SeriesId, const Fragment& fragment) {
    const auto message = parse(*fragment);
    for (const auto& update : message.updates()) updates.push_back(update);
  });
  return updates;
}

TEST(Conflator, numbers_keep_extremes_first_last_sum_count) {
  Conflator conflator;
  const std::vector<std::int64_t> times = {1, 2, 3, 4};
  const ValueColumn values = std::vector<double>{5, -9, 40, 6};
  conflator.fold({SeriesId{1}, times, &values, 0, 2});
  conflator.fold({SeriesId{1}, times, &values, 2, 4});
  const auto updates = drain(conflator);
  ASSERT_EQ(updates.size(), 1u);
  const auto& c = updates[0].conflated();
  EXPECT_EQ(c.minimum(), -9);
  EXPECT_EQ(c.maximum(), 40);
  EXPECT_EQ(c.first(), 5);
  EXPECT_EQ(c.last(), 6);
  EXPECT_EQ(c.sum(), 42);
  EXPECT_EQ(c.count(), 4u);
  EXPECT_EQ(updates[0].time_us(), 1);
  EXPECT_EQ(c.last_time_us(), 4);
  EXPECT_TRUE(drain(conflator).empty());
}

/// A reading each `step_us`, of values that tell them apart.
std::vector<pb::SeriesUpdate> folded(Conflator& conflator, std::size_t readings, std::int64_t step_us) {
  std::vector<std::int64_t> times;
  std::vector<double> numbers;
  for (std::size_t i = 0; i < readings; ++i) {
    times.push_back(static_cast<std::int64_t>(i) * step_us);
    numbers.push_back(static_cast<double>(i));
  }
  const ValueColumn values = numbers;
  conflator.fold({SeriesId{1}, times, &values, 0, readings});
  return drain(conflator);
}

TEST(Conflator, what_was_measured_over_a_while_keeps_its_shape_though_it_comes_at_once) {
  Conflator conflator(100'000);
  auto updates = folded(conflator, 10, 1'000'000);
  ASSERT_EQ(updates.size(), 10u);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(updates[i].time_us(), static_cast<double>(i) * 1e6);
    EXPECT_EQ(updates[i].conflated().first(), static_cast<double>(i));
    EXPECT_EQ(updates[i].conflated().count(), 1u);
  }
  updates = folded(conflator, 10, 10'000);
  ASSERT_EQ(updates.size(), 1u) << "within one period";
  EXPECT_EQ(updates[0].conflated().count(), 10u);
  updates = folded(conflator, 20, 10'000);
  ASSERT_EQ(updates.size(), 2u);
  EXPECT_EQ(updates[1].conflated().first(), 10);
}

TEST(Conflator, however_long_that_was_a_tick_has_so_many_pieces_and_loses_nothing) {
  for (const std::size_t readings : {64u, 65u, 1'000u, 100'000u}) {
    Conflator conflator(100'000);
    const auto updates = folded(conflator, readings, 100'000);
    EXPECT_LE(updates.size(), Conflator::kMaxPieces) << readings;
    EXPECT_GE(updates.size(), Conflator::kMaxPieces / 2) << readings;
    double next = 0;
    for (const auto& update : updates) {
      const auto& c = update.conflated();
      EXPECT_EQ(c.first(), next);
      EXPECT_EQ(c.minimum(), c.first());
      EXPECT_EQ(c.maximum(), c.last());
      EXPECT_EQ(c.last() - c.first() + 1, c.count());
      EXPECT_EQ(c.sum(), (c.first() + c.last()) / 2 * c.count());
      EXPECT_EQ(update.time_us(), c.first() * 1e5);
      EXPECT_EQ(c.last_time_us(), c.last() * 1e5);
      next = c.last() + 1;
    }
    EXPECT_EQ(next, static_cast<double>(readings));
    EXPECT_EQ(folded(conflator, 3, 100'000).size(), 3u) << "the next tick begins anew";
  }
}

TEST(Conflator, strings_keep_every_change_and_the_newest_time) {
  Conflator conflator;
  const std::vector<std::int64_t> times = {1, 2, 3, 4, 5};
  const ValueColumn values = std::vector<std::string>{"a", "a", "b", "b", "b"};
  conflator.fold({SeriesId{1}, times, &values, 0, 5});
  auto updates = drain(conflator);
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_THAT(updates[0].strings(), ElementsAre("a", "b", "b"));
  EXPECT_EQ(updates[0].time_us() + updates[0].time_delta_us(0) + updates[0].time_delta_us(1), 5);
  // Nothing changed since: the newest reading alone.
  conflator.fold({SeriesId{1}, times, &values, 3, 5});
  updates = drain(conflator);
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_THAT(updates[0].strings(), ElementsAre("b"));
}

TEST(Conflator, more_changes_than_places_say_so) {
  Conflator conflator;
  std::vector<std::int64_t> times;
  std::vector<std::string> strings;
  std::vector<std::uint8_t> booleans;
  for (int i = 0; i < 40; ++i) {
    times.push_back(i);
    strings.push_back(std::to_string(i));
    booleans.push_back(i % 2);
  }
  const ValueColumn text = strings, flags = booleans;
  conflator.fold({SeriesId{1}, times, &text, 0, 40});
  auto updates = drain(conflator);
  ASSERT_EQ(updates.size(), 2u);
  EXPECT_EQ(updates[0].strings_size(), 16);
  EXPECT_EQ(updates[0].strings(15), "39");
  EXPECT_EQ(updates[1].conflated().count(), 40u);
  Conflator other;
  other.fold({SeriesId{2}, times, &flags, 0, 40});
  updates = drain(other);
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0].conflated().count(), 40u);
  EXPECT_EQ(updates[0].conflated().sum(), 20);
}

TEST(Coverage, a_reading_is_missing_where_its_commit_is_behind_its_piece) {
  Coverage coverage;
  EXPECT_TRUE(coverage.empty());
  coverage.add(100, 5);
  coverage.add(200, 7);
  EXPECT_FALSE(coverage.misses(50, 5));
  EXPECT_TRUE(coverage.misses(50, 6));
  EXPECT_FALSE(coverage.misses(100, 7));
  EXPECT_TRUE(coverage.misses(199, 8));
  EXPECT_FALSE(coverage.misses(200, 9));  // the rest of the history will bring it
  EXPECT_EQ(coverage.floor(), 5u);
  coverage.raise(7);
  EXPECT_EQ(coverage.pieces(), 1u);
  EXPECT_FALSE(coverage.misses(50, 7));
  coverage.add(Coverage::kForEver, 9);
  EXPECT_TRUE(coverage.complete());
  EXPECT_FALSE(coverage.misses(Coverage::kForEver, 9));
  EXPECT_TRUE(coverage.misses(Coverage::kForEver, 10));
}

TEST(SessionPosition, carries_what_its_subscriptions_differ_by) {
  SessionPosition position;
  position.base.journal_epoch.fill(3);
  position.base.commit = 90;
  auto back = SessionPosition::from_bytes(position.to_bytes());
  ASSERT_TRUE(back);
  EXPECT_EQ(position.to_bytes(), position.base.to_bytes());
  EXPECT_EQ(back->of(1, 0), Standing{90});
  EXPECT_EQ(back->of(1, 7), std::nullopt);
  const Standing mixed{50, {{SeriesId{4}, 60}, {SeriesId{5}, 40}}};
  position.listed[2] = {mixed, 7};
  position.listed[3].standing.is_known = false;
  back = SessionPosition::from_bytes(position.to_bytes());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->of(1, 0), Standing{90});
  EXPECT_EQ(back->of(2, 7), mixed);
  EXPECT_EQ(back->of(2, 0), std::nullopt);
  EXPECT_EQ(back->of(2, 8), std::nullopt);
  EXPECT_EQ(back->of(3, 0), std::nullopt);
  const auto bytes = position.to_bytes();
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto cut = SessionPosition::from_bytes(bytes.substr(0, n));
    if (cut) {
      EXPECT_LT(cut->listed.size(), 2u);
    }
  }
}

TEST(Tiers, a_rate_is_never_exceeded_where_a_tier_is_slow_enough) {
  EXPECT_EQ(kTierHz[tier_for(0)], 0);
  EXPECT_EQ(kTierHz[tier_for(50)], 10);
  EXPECT_EQ(kTierHz[tier_for(10)], 10);
  EXPECT_EQ(kTierHz[tier_for(7)], 5);
  EXPECT_EQ(kTierHz[tier_for(1)], 1);
  EXPECT_EQ(kTierHz[tier_for(0.5)], 0.2);
  EXPECT_EQ(kTierHz[tier_for(0.01)], 0.2);
}

struct Written {
  std::vector<std::string> messages;
  error_code operator()(const std::vector<boost::asio::const_buffer>& buffers) {
    EXPECT_LE(buffers.size(), Outbox::kMaxBuffers);
    std::string message;
    for (const auto& buffer : buffers) message.append(static_cast<const char*>(buffer.data()), buffer.size());
    messages.push_back(message);
    return {};
  }
};
Fragment text(const std::string& bytes) {
  return std::make_shared<const std::string>(bytes);
}
std::vector<std::string> write_all(Outbox& outbox) {
  Written written;
  Outbox::Buffers scratch(3);  // of an earlier use
  EXPECT_FALSE(outbox.write_all("!", "?", scratch, [&](const Outbox::Buffers& buffers) { return written(buffers); }));
  return written.messages;
}

TEST(Outbox, cuts_begin_messages_and_the_last_carries_the_trailer) {
  Outbox outbox;
  outbox.cut();
  outbox.push(text("a"), Outbox::Kind::telemetry);
  outbox.push(text("b"), Outbox::Kind::telemetry);
  outbox.cut();
  outbox.push(text("C"), Outbox::Kind::control);
  outbox.push(text("d"), Outbox::Kind::telemetry);
  EXPECT_EQ(outbox.bytes(), 4u);
  EXPECT_THAT(write_all(outbox), ElementsAre("ab?", "Cd!"));
  EXPECT_TRUE(outbox.empty());
}

TEST(Outbox, what_is_dropped_leaves_its_cut_behind) {
  Outbox outbox;
  outbox.push(text("A"), Outbox::Kind::control);
  outbox.cut();
  outbox.push(text("t"), Outbox::Kind::telemetry);
  outbox.push(text("B"), Outbox::Kind::control);
  outbox.drop(Outbox::Kind::telemetry);
  EXPECT_EQ(outbox.bytes(Outbox::Kind::telemetry), 0u);
  EXPECT_THAT(write_all(outbox), ElementsAre("A", "B!"));
}

TEST(Outbox, one_write_takes_so_many_buffers) {
  Outbox outbox;
  for (int i = 0; i < 3'000; ++i) outbox.push(text("x"), Outbox::Kind::telemetry);
  const auto messages = write_all(outbox);
  EXPECT_EQ(messages.size(), 3u);
  std::size_t bytes = 0;
  for (const auto& message : messages) bytes += message.size();
  EXPECT_EQ(bytes, 3'003u);
}

CommitPtr commit(CommitNumber number, std::size_t size) {
  auto made = std::make_shared<Commit>();
  made->number = number;
  made->size_bytes = size;
  return made;
}

TEST(BusInbox, one_post_carries_what_came_until_then) {
  boost::asio::io_context io;
  std::vector<BusInbox::Batch> batches;
  auto inbox = std::make_shared<BusInbox>(io.get_executor(), [&](auto batch) { batches.push_back(std::move(batch)); });
  for (CommitNumber n = 1; n <= 3; ++n) inbox->deliver(commit(n, 10));
  EXPECT_EQ(io.poll(), 1u);
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].items.size(), 3u);
  EXPECT_EQ(batches[0].last_dropped, 0u);
}

TEST(BusInbox, past_its_bytes_commits_are_dropped_and_named) {
  boost::asio::io_context io;
  std::vector<BusInbox::Batch> batches;
  auto inbox = std::make_shared<BusInbox>(
      io.get_executor(), [&](auto batch) { batches.push_back(std::move(batch)); }, 25);
  for (CommitNumber n = 1; n <= 5; ++n) inbox->deliver(commit(n, n == 3 ? 10 : 8));
  io.poll();
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].items.size(), 2u);
  EXPECT_EQ(batches[0].last_dropped, 5u);
  inbox->deliver(commit(6, 100));  // the first of a batch is always taken
  io.restart();
  io.poll();
  EXPECT_EQ(batches[1].items.size(), 1u);
  inbox->close();
  inbox->deliver(commit(7, 1));
  io.restart();
  io.poll();
  EXPECT_EQ(batches.size(), 2u);
}

}  // namespace
}  // namespace hub::live
