// What every engine of ReadingsStore promises about appending, acknowledging, following and dropping.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "tests/contract/readings_store_engines.h"

namespace {

using contract::StoreSettings;
using contract::StoreUnderTest;
using fakes::frame_of;
using fakes::number_frame;
using fakes::stream_of;
using hub::errc;
using hub::Gap;
using hub::GapReason;
using hub::SeriesId;
using hub::to_errc;
using testing::ElementsAre;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kStart = 1'700'000'000 * kSecond;
constexpr SeriesId kTemperature{1};

class readings_store : public testing::TestWithParam<contract::Engine> {
 protected:
  static std::vector<double> numbers(const hub::RawPage& page) { return std::get<0>(page.values); }
  static hub::RawPage all(StoreUnderTest& store, SeriesId series = kTemperature) {
    auto page = store.client().raw({series, 0, kStart * 2, 100'000, std::nullopt});
    EXPECT_TRUE(page) << page.error().message();
    return page ? *page : hub::RawPage{};
  }
  static std::vector<Gap> gaps(StoreUnderTest& store, const std::string& device) {
    auto gaps = store.client().gaps({hub::DeviceId(device), {}, 0, kStart * 2});
    EXPECT_TRUE(gaps) << gaps.error().message();
    return gaps ? *gaps : std::vector<Gap>{};
  }
};
INSTANTIATE_TEST_SUITE_P(engines, readings_store, contract::engines(),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(readings_store, stored_frame_is_acknowledged_and_readable) {
  StoreUnderTest store(GetParam());
  const auto result = store.client().append(number_frame(stream_of("a"), 1, kTemperature, {kStart}, {20.5}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->commit, 1u);
  EXPECT_EQ(result->stored, 1u);
  EXPECT_FALSE(result->duplicate);
  EXPECT_EQ(store->head().commit, 1u);
  const auto page = all(store);
  EXPECT_EQ(page.type, hub::ValueType::number);
  EXPECT_THAT(page.times_us, ElementsAre(kStart));
  EXPECT_THAT(numbers(page), ElementsAre(20.5));
  EXPECT_EQ(page.as_of, 1u);
}

TEST_P(readings_store, resent_frame_is_stored_once_any_time_later) {
  StoreUnderTest store(GetParam());
  const auto frame = number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1});
  const auto expect_duplicate = [&](const char* when) {
    const auto result = store.client().append(frame);
    ASSERT_TRUE(result) << when;
    EXPECT_TRUE(result->duplicate) << when;
    EXPECT_EQ(result->commit, 0u) << when;
    EXPECT_EQ(result->stored, 1u) << when;
    EXPECT_EQ(all(store).times_us.size(), 1u) << when;
  };
  ASSERT_TRUE(store.client().append(frame));
  expect_duplicate("at once");
  store.restart();
  expect_duplicate("after a restart");
  store.seal();
  expect_duplicate("after sealing");
  store.restart();
  expect_duplicate("after sealing and a restart");
  EXPECT_EQ(store->status().frames_duplicate, 1u);
}

TEST_P(readings_store, frame_resent_within_one_group_is_stored_once) {
  StoreUnderTest store(GetParam());
  auto client = store.client();
  std::vector<std::future<hub::Result<hub::AppendResult>>> replies;
  for (int i = 0; i < 20; ++i)
    replies.push_back(client.start_append(number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1})));
  int stored = 0;
  for (auto& reply : replies) {
    const auto result = reply.get();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->stored, 1u);
    stored += !result->duplicate;
  }
  EXPECT_EQ(stored, 1);
  EXPECT_EQ(all(store).times_us.size(), 1u);
}

TEST_P(readings_store, streams_are_numbered_apart_by_device_epoch_and_lane) {
  StoreUnderTest store(GetParam());
  auto client = store.client();
  const std::vector<hub::StreamKey> streams{stream_of("a", 1, 0), stream_of("a", 1, 1), stream_of("a", 2, 0),
                                            stream_of("b", 1, 0)};
  std::int64_t time = kStart;
  for (const auto& stream : streams) {
    const auto result = client.append(number_frame(stream, 1, kTemperature, {time += kSecond}, {1}));
    ASSERT_TRUE(result);
    EXPECT_FALSE(result->duplicate);
  }
  ASSERT_TRUE(client.append(number_frame(streams[0], 2, kTemperature, {time += kSecond}, {1})));
  auto asked = streams;
  asked.push_back(stream_of("unknown"));
  EXPECT_THAT(client.cursors(asked).value(), ElementsAre(2, 1, 1, 1, 0));
  store.seal();
  store.restart();
  EXPECT_THAT(store.client().cursors(asked).value(), ElementsAre(2, 1, 1, 1, 0));
}

TEST_P(readings_store, hole_before_a_frame_becomes_a_gap_of_the_hub) {
  StoreUnderTest store(GetParam());
  auto client = store.client();
  ASSERT_TRUE(client.append(number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1})));
  const auto result = client.append(number_frame(stream_of("a"), 5, kTemperature, {kStart + 4 * kSecond}, {5}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->stored, 5u);
  for (const char* when : {"in the tail", "replayed", "sealed"}) {
    const auto found = gaps(store, "a");
    ASSERT_EQ(found.size(), 1u) << when;
    EXPECT_EQ(found[0].reason, GapReason::missing_before) << when;
    EXPECT_EQ(found[0].reported_by, "hub") << when;
    EXPECT_EQ(found[0].device, hub::DeviceId("a")) << when;
    EXPECT_EQ(found[0].series, SeriesId{}) << when;
    EXPECT_EQ(found[0].count, 3u) << when;
    EXPECT_TRUE(found[0].at_most) << when;
    EXPECT_EQ(found[0].from_us, kStart) << when;
    EXPECT_EQ(found[0].to_us, kStart + 4 * kSecond) << when;
    if (std::string_view(when) == "in the tail") {
      store.restart();
    } else if (std::string_view(when) == "replayed") {
      store.seal();
    }
  }
  const auto late = store.client().append(number_frame(stream_of("a"), 3, kTemperature, {kStart + 2 * kSecond}, {3}));
  ASSERT_TRUE(late);
  EXPECT_TRUE(late->duplicate) << "the cursor has passed the hole";
}

TEST_P(readings_store, gap_frame_moves_the_cursor_and_is_clipped_by_it) {
  StoreUnderTest store(GetParam());
  auto client = store.client();
  for (std::uint64_t n = 1; n <= 3; ++n)
    ASSERT_TRUE(client.append(
        number_frame(stream_of("a"), n, kTemperature, {kStart + static_cast<std::int64_t>(n) * kSecond}, {1})));
  auto gap_frame = frame_of(stream_of("a"), 2);
  gap_frame.last_sequence = 10;
  gap_frame.gaps.push_back({hub::DeviceId("a"), kTemperature, kStart + 2 * kSecond, kStart + 10 * kSecond, 9, false,
                            GapReason::spool_full, "device"});
  const auto result = client.append(gap_frame);
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->duplicate);
  EXPECT_EQ(result->stored, 10u);
  const auto again = client.append(gap_frame);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->duplicate);
  for (const bool sealed : {false, true}) {
    if (sealed) store.seal();
    const auto found = gaps(store, "a");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].count, 9u);
    EXPECT_TRUE(found[0].at_most) << "part of it had come after all";
    EXPECT_EQ(found[0].reason, GapReason::spool_full);
    EXPECT_EQ(found[0].reported_by, "device");
    EXPECT_EQ(found[0].series, kTemperature);
  }
}

TEST_P(readings_store, gap_frame_that_fits_keeps_its_exact_count) {
  StoreUnderTest store(GetParam());
  auto frame = frame_of(stream_of("a"), 1);
  frame.last_sequence = 4;
  frame.gaps.push_back(
      {hub::DeviceId("a"), kTemperature, kStart, kStart + kSecond, 7, false, GapReason::spool_full, "device"});
  ASSERT_TRUE(store.client().append(frame));
  const auto found = gaps(store, "a");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_FALSE(found[0].at_most);
}

TEST_P(readings_store, gaps_are_found_by_range_and_series_with_device_wide_ones_always) {
  StoreUnderTest store(GetParam());
  auto frame = number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1});
  const auto gap = [&](SeriesId series, std::int64_t from, std::int64_t to) {
    return Gap{hub::DeviceId("a"), series, from, to, 1, false, GapReason::sensor_failed, "device"};
  };
  frame.gaps = {gap(SeriesId{1}, kStart, kStart + 10 * kSecond), gap(SeriesId{2}, kStart, kStart + 10 * kSecond),
                gap(SeriesId{}, kStart + 5 * kSecond, kStart + 6 * kSecond), gap(SeriesId{1}, 0, 0)};
  frame.received_at_us = kStart + 100 * kSecond;
  ASSERT_TRUE(store.client().append(frame));
  for (const bool sealed : {false, true}) {
    if (sealed) store.seal();
    auto client = store.client();
    const auto count = [&](std::vector<SeriesId> series, std::int64_t from, std::int64_t to) {
      return client.gaps({hub::DeviceId("a"), std::move(series), from, to}).value().size();
    };
    EXPECT_EQ(count({}, kStart, kStart + kSecond), 2u);
    EXPECT_EQ(count({SeriesId{1}}, kStart, kStart + 7 * kSecond), 2u);
    EXPECT_EQ(count({SeriesId{3}}, kStart, kStart + 7 * kSecond), 1u);
    EXPECT_EQ(count({}, kStart + 11 * kSecond, kStart + 99 * kSecond), 0u);
    EXPECT_EQ(count({}, kStart + 99 * kSecond, kStart + 101 * kSecond), 1u) << "unknown times: where it was received";
    EXPECT_EQ(client.gaps({hub::DeviceId("b"), {}, 0, kStart * 2}).value().size(), 0u);
  }
}

TEST_P(readings_store, all_value_types_come_back_as_they_were) {
  StoreUnderTest store(GetParam());
  auto frame = frame_of(stream_of("a"), 1);
  const auto shared = fakes::times({kStart, kStart + 1, kStart + 2});
  const std::vector<double> doubles{-0.0, 1e308, 0.1};
  const std::vector<std::uint8_t> booleans{1, 0, 1};
  const std::vector<std::string> strings{"", "on", std::string("\0x", 2)};
  const std::vector<hub::Location> locations{{1, 2, 3}, {-90, 180, -0.5}, {0, 0, 0}};
  frame.columns = {{SeriesId{1}, shared, doubles},
                   {SeriesId{2}, shared, booleans},
                   {SeriesId{3}, fakes::times({kStart, kStart + 1, kStart + 2}), strings},
                   {SeriesId{4}, shared, locations}};
  ASSERT_TRUE(store.client().append(frame));
  for (const char* when : {"tail", "replayed", "sealed", "sealed and reopened"}) {
    if (std::string_view(when) == "replayed") store.restart();
    if (std::string_view(when) == "sealed") store.seal();
    if (std::string_view(when) == "sealed and reopened") store.restart();
    EXPECT_EQ(std::get<0>(all(store, SeriesId{1}).values), doubles) << when;
    EXPECT_TRUE(std::signbit(std::get<0>(all(store, SeriesId{1}).values)[0])) << when;
    EXPECT_EQ(std::get<1>(all(store, SeriesId{2}).values), booleans) << when;
    EXPECT_EQ(std::get<2>(all(store, SeriesId{3}).values), strings) << when;
    EXPECT_EQ(std::get<3>(all(store, SeriesId{4}).values), locations) << when;
    const auto latest = store.client().latest({SeriesId{4}, SeriesId{77}, SeriesId{3}}).value();
    ASSERT_EQ(latest.size(), 2u) << when;
    EXPECT_EQ(std::get<hub::Location>(latest[0].value), locations[2]) << when;
    EXPECT_EQ(std::get<std::string>(latest[1].value), strings[2]) << when;
    const auto buckets = store.client().buckets({SeriesId{2}, kStart, kStart + 3, 1}).value();
    ASSERT_EQ(buckets.count.size(), 1u) << when;
    EXPECT_EQ(buckets.count[0], 3u) << when;
    EXPECT_EQ(buckets.sum[0], 2.0) << when;
    EXPECT_EQ(std::get<1>(buckets.last)[0], 1) << when;
    const auto texts = store.client().buckets({SeriesId{3}, kStart, kStart + 3, 1}).value();
    EXPECT_TRUE(texts.sum.empty()) << when;
    EXPECT_EQ(std::get<2>(texts.first)[0], strings[0]) << when;
    EXPECT_EQ(std::get<2>(texts.last)[0], strings[2]) << when;
  }
}

TEST_P(readings_store, what_could_not_be_read_back_is_refused) {
  StoreUnderTest store(GetParam());
  auto client = store.client();
  const auto refused = [&](hub::StoredFrame frame) {
    const auto result = client.append(std::move(frame));
    return !result && to_errc(result.error()) == errc::invalid_argument;
  };
  EXPECT_TRUE(refused(number_frame(stream_of("a"), 0, kTemperature, {kStart}, {1})));
  EXPECT_TRUE(refused(number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1, 2})));
  EXPECT_TRUE(refused(number_frame(stream_of("a"), 1, kTemperature, {}, {})));
  EXPECT_TRUE(refused(number_frame(stream_of("a"), 1, SeriesId{}, {kStart}, {1})));
  EXPECT_TRUE(refused(number_frame(stream_of("a"), 1, kTemperature, {kStart}, {std::nan("")})));
  auto wide = number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1});
  wide.last_sequence = 2;
  EXPECT_TRUE(refused(wide));
  ASSERT_TRUE(client.append(number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1})));
  auto other_type = frame_of(stream_of("a"), 2);
  other_type.columns.push_back({kTemperature, fakes::times({kStart}), std::vector<std::string>{"warm"}});
  EXPECT_TRUE(refused(other_type));
  EXPECT_EQ(store->head().commit, 1u);
}

TEST_P(readings_store, latest_is_the_greatest_time_and_ties_go_to_the_later_commit) {
  StoreUnderTest store(GetParam());
  auto client = store.client();
  const auto put = [&](std::uint64_t n, std::int64_t time, double value) {
    ASSERT_TRUE(client.append(number_frame(stream_of("a"), n, kTemperature, {time}, {value})));
  };
  put(1, kStart + 10, 1);
  put(2, kStart + 5, 2);   // late
  put(3, kStart + 10, 3);  // same time again
  for (const char* when : {"tail", "replayed", "sealed", "sealed and reopened"}) {
    if (std::string_view(when) == "replayed") store.restart();
    if (std::string_view(when) == "sealed") store.seal();
    if (std::string_view(when) == "sealed and reopened") store.restart();
    const auto latest = store.client().latest({kTemperature}).value();
    ASSERT_EQ(latest.size(), 1u) << when;
    EXPECT_EQ(latest[0].time_us, kStart + 10) << when;
    EXPECT_EQ(std::get<double>(latest[0].value), 3) << when;
    EXPECT_THAT(numbers(all(store)), ElementsAre(2, 1, 3)) << when;
  }
}

TEST_P(readings_store, pages_continue_in_the_middle_of_equal_times) {
  StoreUnderTest store(GetParam());
  std::vector<double> expected;
  for (std::uint64_t n = 1; n <= 12; ++n) {
    if (n % 5 == 0) store.seal();
    auto frame = number_frame(stream_of("a"), n, kTemperature, {kStart, kStart, kStart + 700 * kSecond},
                              {static_cast<double>(n), n + 0.5, n + 1000.0});
    frame.flags = n % 2 == 0 ? std::uint32_t{hub::kBackfilled} : 0u;
    ASSERT_TRUE(store.client().append(frame));
    expected.insert(expected.begin() + static_cast<std::ptrdiff_t>(2 * (n - 1)), {static_cast<double>(n), n + 0.5});
    expected.push_back(n + 1000.0);
  }
  for (std::uint32_t limit = 1; limit <= 40; ++limit) {
    std::vector<double> seen;
    std::optional<std::string> cursor;
    do {
      const auto page = store.client().raw({kTemperature, kStart, kStart * 2, limit, cursor}).value();
      EXPECT_LE(page.times_us.size(), limit);
      const auto values = numbers(page);
      seen.insert(seen.end(), values.begin(), values.end());
      cursor = page.next;
      if (limit == 7 && seen.size() == 14) store.seal();  // between two pages
    } while (cursor && seen.size() <= expected.size());
    EXPECT_EQ(seen, expected) << "limit " << limit;
  }
}

TEST_P(readings_store, impossible_queries_are_invalid_arguments) {
  StoreUnderTest store(GetParam());
  auto client = store.client();
  const auto code = [](const auto& result) { return result ? errc::ok : to_errc(result.error()); };
  EXPECT_EQ(code(client.raw({kTemperature, 10, 5, 10, std::nullopt})), errc::invalid_argument);
  EXPECT_EQ(code(client.raw({kTemperature, 0, 5, 0, std::nullopt})), errc::invalid_argument);
  EXPECT_EQ(code(client.raw({kTemperature, 0, 5, 10, "nonsense"})), errc::invalid_argument);
  EXPECT_EQ(code(client.buckets({kTemperature, 0, 10, 0})), errc::invalid_argument);
  EXPECT_EQ(code(client.buckets({kTemperature, 0, 10, 20'001})), errc::invalid_argument);
  EXPECT_EQ(code(client.buckets({kTemperature, 10, 10, 5})), errc::invalid_argument);
  EXPECT_EQ(client.raw({kTemperature, 5, 5, 10, std::nullopt}).value().times_us.size(), 0u);
}

TEST_P(readings_store, commits_are_read_in_order_from_anywhere_also_after_restart_and_sealing) {
  StoreUnderTest store(GetParam());
  for (std::uint64_t n = 1; n <= 30; ++n) {
    if (n == 10) store.restart();
    if (n == 20) store.seal();
    ASSERT_TRUE(store.client().append(
        number_frame(stream_of("a"), n, kTemperature, {kStart + static_cast<std::int64_t>(n)}, {1.0 * n})));
  }
  store.restart();
  const auto head = store->head().commit;
  for (hub::CommitNumber after = 0; after <= head; ++after) {
    hub::CommitNumber last = after;
    for (;;) {
      const auto commits = store.client().commits(last, 1);
      ASSERT_TRUE(commits) << "after " << last << ": " << commits.error().message();
      if (commits->empty()) break;
      for (const auto& commit : *commits) EXPECT_EQ(commit->number, ++last);
    }
    EXPECT_EQ(last, head);
  }
  const auto commits = store.client().commits(0, 100'000'000).value();
  ASSERT_FALSE(commits.empty());
  EXPECT_EQ(commits[0]->frames[0].stream, stream_of("a"));
  EXPECT_EQ(std::get<0>(commits[0]->frames[0].columns[0].values)[0], 1.0);
  EXPECT_GT(commits.size(), 1u);
}

TEST_P(readings_store, commits_past_the_head_and_too_old_ones_are_gone) {
  StoreSettings settings;
  settings.retained_journal_bytes = 1;
  StoreUnderTest store(GetParam(), settings);
  for (std::uint64_t n = 1; n <= 5; ++n) {
    ASSERT_TRUE(store.client().append(number_frame(stream_of("a"), n, kTemperature, {kStart}, {1})));
    store.seal();
  }
  const auto old = store.client().commits(0, 1);
  ASSERT_FALSE(old);
  EXPECT_EQ(to_errc(old.error()), errc::gone);
  const auto future = store.client().commits(store->head().commit + 1, 1);
  ASSERT_FALSE(future);
  EXPECT_EQ(to_errc(future.error()), errc::gone);
  EXPECT_TRUE(store.client().commits(store->head().commit, 1).value().empty());
  EXPECT_EQ(all(store).times_us.size(), 5u) << "what is sealed is not gone";
}

TEST_P(readings_store, numbers_and_epoch_stay_over_restarts) {
  StoreUnderTest store(GetParam());
  const auto epoch = store->head().journal_epoch;
  EXPECT_EQ(store->head().commit, 0u);
  for (std::uint64_t n = 1; n <= 6; ++n) {
    const auto result = store.client().append(number_frame(stream_of("a"), n, kTemperature, {kStart}, {1}));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->commit, store->head().commit);
    const auto head = store->head();
    if (n % 2 == 0) store.seal();
    const auto before = store->head();
    store.restart();
    EXPECT_EQ(store->head(), before);
    EXPECT_GE(store->head().commit, head.commit);
    EXPECT_EQ(store->head().journal_epoch, epoch);
  }
}

TEST_P(readings_store, listener_hears_every_commit_in_order_when_it_is_visible_and_before_the_reply) {
  StoreUnderTest store(GetParam());
  std::mutex mutex;
  std::vector<hub::CommitNumber> heard;
  std::atomic<bool> head_was_behind{false};
  std::vector<std::future<hub::Result<hub::RawPage>>> queries;
  store->on_commit([&](const hub::CommitPtr& commit) {
    if (store->head().commit < commit->number) head_was_behind = true;
    auto promise = std::make_shared<std::promise<hub::Result<hub::RawPage>>>();
    const std::lock_guard lock(mutex);
    queries.push_back(promise->get_future());
    store->query_raw({kTemperature, 0, kStart * 2, 100'000, std::nullopt},
                     [promise](auto page) { promise->set_value(std::move(page)); });
    heard.push_back(commit->number);
  });
  for (std::uint64_t n = 1; n <= 50; ++n) {
    const auto result = store.client().append(
        number_frame(stream_of("a"), n, kTemperature, {kStart + static_cast<std::int64_t>(n)}, {1}));
    ASSERT_TRUE(result);
    const std::lock_guard lock(mutex);
    ASSERT_EQ(heard.size(), n);
    EXPECT_EQ(heard.back(), result->commit);
  }
  EXPECT_FALSE(head_was_behind);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const auto page = queries[i].get();
    ASSERT_TRUE(page);
    EXPECT_GE(page->times_us.size(), i + 1);
    EXPECT_GE(page->as_of, heard[i]);
  }
}

TEST_P(readings_store, expiry_drops_old_chunks_and_keeps_the_rest) {
  StoreUnderTest store(GetParam());
  constexpr std::int64_t kDay = 86'400 * kSecond;
  for (std::uint64_t n = 0; n < 10; ++n) {
    auto frame =
        number_frame(stream_of("a"), n + 1, kTemperature,
                     {kStart + static_cast<std::int64_t>(n) * kDay, kStart + static_cast<std::int64_t>(n) * kDay + 1},
                     {1.0 * n, 1.0 * n});
    frame.gaps.push_back({hub::DeviceId("a"), kTemperature, kStart + static_cast<std::int64_t>(n) * kDay,
                          kStart + static_cast<std::int64_t>(n) * kDay, 1, false, GapReason::sensor_failed, "device"});
    ASSERT_TRUE(store.client().append(frame));
  }
  EXPECT_EQ(store.client().expire(kStart + 5 * kDay).value(), 0u) << "unsealed readings are in no chunk yet";
  store.seal();
  // The store's own helper stream has readings near the epoch.
  EXPECT_GE(store.client().expire(kStart + 5 * kDay).value(), 10u);
  EXPECT_EQ(store.client().expire(kStart + 5 * kDay).value(), 0u);
  for (const bool reopened : {false, true}) {
    if (reopened) store.restart();
    EXPECT_THAT(numbers(all(store)), ElementsAre(5, 5, 6, 6, 7, 7, 8, 8, 9, 9));
    EXPECT_EQ(gaps(store, "a").size(), 5u);
    EXPECT_EQ(store.client().latest({kTemperature}).value().size(), 1u);
  }
}

TEST_P(readings_store, full_queue_answers_busy_and_frames_behind_a_refused_one_wait_for_it) {
  StoreSettings settings;
  settings.pending_max_bytes = 4'000;
  StoreUnderTest store(GetParam(), settings);
  // Replies are handed over only after the flood: the journal thread stays in its listener until then.
  std::promise<void> release;
  auto released = release.get_future().share();
  store->on_commit([released](const hub::CommitPtr&) { released.wait(); });
  auto client = store.client();
  std::vector<std::future<hub::Result<hub::AppendResult>>> replies;
  for (std::uint64_t n = 1; n <= 200; ++n)
    replies.push_back(client.start_append(
        number_frame(stream_of("a"), n, kTemperature, {kStart + static_cast<std::int64_t>(n)}, {1.0 * n})));
  release.set_value();
  std::uint64_t accepted = 0;
  bool refused = false;
  for (auto& reply : replies) {
    const auto result = reply.get();
    if (result) {
      EXPECT_FALSE(refused) << "a later frame jumped a refused one";
      ++accepted;
    } else {
      EXPECT_EQ(to_errc(result.error()), errc::busy);
      refused = true;
    }
  }
  EXPECT_TRUE(refused);
  EXPECT_GT(accepted, 0u);
  for (std::uint64_t n = accepted + 1; n <= 200; ++n)
    ASSERT_TRUE(client.append(
        number_frame(stream_of("a"), n, kTemperature, {kStart + static_cast<std::int64_t>(n)}, {1.0 * n})));
  EXPECT_EQ(all(store).times_us.size(), 200u);
  EXPECT_TRUE(gaps(store, "a").empty());
}

TEST_P(readings_store, nearly_full_disk_refuses_frames_and_takes_them_again_by_itself) {
  auto free_bytes = std::make_shared<std::atomic<std::uint64_t>>(1'000);
  StoreSettings settings;
  settings.low_water_bytes = 100;
  settings.free_bytes = [free_bytes](const std::string&) { return free_bytes->load(); };
  StoreUnderTest store(GetParam(), settings);
  ASSERT_TRUE(store.client().append(number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1})));
  *free_bytes = 99;
  const auto refused = store.client().append(number_frame(stream_of("a"), 2, kTemperature, {kStart + 1}, {2}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(to_errc(refused.error()), errc::unavailable);
  EXPECT_THAT(store->status().failure, testing::HasSubstr("full"));
  EXPECT_EQ(all(store).times_us.size(), 1u) << "reads go on";
  *free_bytes = 1'000;
  StoreUnderTest::wait_until([&] { return store->status().failure.empty(); });
  EXPECT_TRUE(store.client().append(number_frame(stream_of("a"), 2, kTemperature, {kStart + 1}, {2})));
}

TEST_P(readings_store, stop_answers_everything_and_refuses_what_comes_later) {
  StoreUnderTest store(GetParam());
  auto client = store.client();
  std::vector<std::future<hub::Result<hub::AppendResult>>> replies;
  for (std::uint64_t n = 1; n <= 50; ++n)
    replies.push_back(client.start_append(number_frame(stream_of("a"), n, kTemperature, {kStart}, {1})));
  store->stop();
  for (auto& reply : replies) {
    ASSERT_EQ(reply.wait_for(std::chrono::seconds(0)), std::future_status::ready);
    EXPECT_TRUE(reply.get());
  }
  EXPECT_EQ(to_errc(client.append(number_frame(stream_of("a"), 51, kTemperature, {kStart}, {1})).error()),
            errc::unavailable);
  EXPECT_EQ(to_errc(client.raw({kTemperature, 0, 1, 1, std::nullopt}).error()), errc::unavailable);
  EXPECT_EQ(to_errc(client.cursors({stream_of("a")}).error()), errc::unavailable);
  EXPECT_EQ(to_errc(client.expire(1).error()), errc::unavailable);
  store.restart();
  EXPECT_EQ(all(store).times_us.size(), 50u);
}

}  // namespace
