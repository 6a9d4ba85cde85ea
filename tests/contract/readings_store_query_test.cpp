// What every engine of ReadingsStore promises about what it is asked, and about dropping what is old.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/contract/readings_store_fixture.h"

namespace {

using namespace contract;

class readings_store_query : public ReadingsStoreContract {};
INSTANTIATE_TEST_SUITE_P(engines, readings_store_query, engines(),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(readings_store_query, gaps_are_found_by_range_and_series_with_device_wide_ones_always) {
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

TEST_P(readings_store_query, all_value_types_come_back_as_they_were) {
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
  for (const char* when :
       {"tail", "replayed", "sealed", "sealed and reopened", "compacted", "compacted and reopened"}) {
    if (std::string_view(when) == "replayed") store.restart();
    if (std::string_view(when) == "sealed") store.seal();
    if (std::string_view(when) == "compacted") store.compact();
    if (std::string_view(when).ends_with("reopened")) store.restart();
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

TEST_P(readings_store_query, latest_is_the_greatest_time_and_ties_go_to_the_later_commit) {
  StoreUnderTest store(GetParam());
  auto client = store.client();
  const auto put = [&](std::uint64_t n, std::int64_t time, double value) {
    ASSERT_TRUE(client.append(number_frame(stream_of("a"), n, kTemperature, {time}, {value})));
  };
  put(1, kStart + 10, 1);
  put(2, kStart + 5, 2);   // late
  put(3, kStart + 10, 3);  // same time again
  for (const char* when :
       {"tail", "replayed", "sealed", "sealed and reopened", "compacted", "compacted and reopened"}) {
    if (std::string_view(when) == "replayed") store.restart();
    if (std::string_view(when) == "sealed") store.seal();
    if (std::string_view(when) == "compacted") store.compact();
    if (std::string_view(when).ends_with("reopened")) store.restart();
    const auto latest = store.client().latest({kTemperature}).value();
    ASSERT_EQ(latest.size(), 1u) << when;
    EXPECT_EQ(latest[0].time_us, kStart + 10) << when;
    EXPECT_EQ(std::get<double>(latest[0].value), 3) << when;
    if (std::string_view(when) == "tail") {
      EXPECT_EQ(latest[0].commit, store->head().commit);
    }
    EXPECT_LE(latest[0].commit, store->head().commit) << when;
    EXPECT_THAT(numbers(all(store)), ElementsAre(2, 1, 3)) << when;
  }
}

TEST_P(readings_store_query, pages_continue_in_the_middle_of_equal_times) {
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

TEST_P(readings_store_query, impossible_queries_are_invalid_arguments) {
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

TEST_P(readings_store_query, many_series_are_answered_each_as_alone_and_as_of_one_commit) {
  StoreUnderTest store(GetParam());
  const std::vector<SeriesId> series{SeriesId{3}, SeriesId{1}, SeriesId{2}};
  // Every commit has a reading of each series, so that answers of different commits would differ in count.
  std::uint64_t sequence = 0;
  const auto put = [&](int commits) {
    for (int i = 0; i < commits; ++i) {
      auto frame = frame_of(stream_of("a"), ++sequence);
      const auto at = fakes::times({kStart + static_cast<std::int64_t>(sequence) * kSecond});
      const auto value = static_cast<double>(sequence);
      frame.columns = {{SeriesId{1}, at, std::vector<double>{value}},
                       {SeriesId{2}, at, std::vector<double>{-value}},
                       {SeriesId{3}, at, std::vector<std::uint8_t>{1}}};
      ASSERT_TRUE(store.client().append(frame));
    }
  };
  for (const char* when : {"tail", "sealed", "sealed and tail", "compacted and tail"}) {
    put(10);
    if (std::string_view(when) == "sealed") store.seal();
    if (std::string_view(when).starts_with("compacted")) store.compact();
    if (std::string_view(when).ends_with("tail")) put(3);
    auto client = store.client();
    const hub::ManyBucketsQuery query{series, kStart, kStart + 1'000 * kSecond, 20, {}};
    const auto many = client.many_buckets(query).value();
    ASSERT_EQ(many.size(), 3u) << when;
    for (std::size_t i = 0; i < series.size(); ++i) {
      const auto alone = client.buckets({series[i], query.from_us, query.to_us, query.width, {}}).value();
      EXPECT_EQ(many[i].as_of, many[0].as_of) << when;
      EXPECT_EQ(many[i].type, alone.type) << when;
      EXPECT_EQ(many[i].index, alone.index) << when;
      EXPECT_EQ(many[i].count, alone.count) << when;
      EXPECT_EQ(many[i].minimum, alone.minimum) << when;
      EXPECT_EQ(many[i].last, alone.last) << when;
    }
  }
  std::atomic<bool> ends{false};
  std::thread writer([&] {
    while (!ends) put(1);
  });
  for (int i = 0; i < 50; ++i) {
    const auto many = store.client().many_buckets({series, kStart, kStart + 100'000 * kSecond, 1, {}}).value();
    for (const auto& one : many) {
      EXPECT_EQ(one.as_of, many[0].as_of);
      EXPECT_EQ(one.count, many[0].count) << "one moment for all";
    }
  }
  ends = true;
  writer.join();
  auto client = store.client();
  EXPECT_TRUE(client.many_buckets({{}, 0, 1, 1, {}}).value().empty());
  const std::vector<SeriesId> too_many(hub::kMaxSeriesAtOnce + 1, SeriesId{1});
  EXPECT_EQ(hub::to_errc(client.many_buckets({too_many, 0, 1, 1, {}}).error()), hub::errc::too_large);
  const std::vector<SeriesId> most(hub::kMaxSeriesAtOnce, SeriesId{1});
  EXPECT_EQ(hub::to_errc(client.many_buckets({most, 0, 1, 501, {}}).error()), hub::errc::too_large);
  EXPECT_EQ(hub::to_errc(client.many_buckets({series, 0, 1, 0, {}}).error()), hub::errc::invalid_argument);
  EXPECT_EQ(hub::to_errc(client.many_buckets({series, 1, 1, 1, {}}).error()), hub::errc::invalid_argument);
}

TEST_P(readings_store_query, ends_past_its_limit_and_leaves_ingest_alone) {
  StoreSettings hurried;
  hurried.query_limit_us = 0;
  StoreUnderTest store(GetParam(), hurried);
  auto client = store.client();
  const auto code = [](const auto& result) { return result ? errc::ok : to_errc(result.error()); };
  const std::string device = stream_of("a").device.str();
  for (const char* when : {"tail", "sealed", "compacted"}) {
    if (std::string_view(when) == "sealed") store.seal();
    if (std::string_view(when) == "compacted") store.compact();
    EXPECT_EQ(code(client.raw({kTemperature, 0, kStart * 2, 10, std::nullopt})), errc::timed_out) << when;
    EXPECT_EQ(code(client.buckets({kTemperature, 0, kStart * 2, 10})), errc::timed_out) << when;
    EXPECT_EQ(code(client.gaps({hub::DeviceId(device), {}, 0, kStart * 2})), errc::timed_out) << when;
    EXPECT_TRUE(client.append(number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1}))) << when;
  }
  store.change({});
  EXPECT_EQ(all(store).times_us.size(), 1u);
}

TEST_P(readings_store_query, is_answered_cancelled_once_nobody_wants_it) {
  StoreUnderTest store(GetParam());
  auto client = store.client();
  ASSERT_TRUE(client.append(number_frame(stream_of("a"), 1, kTemperature, {kStart}, {1})));
  const auto code = [](const auto& result) { return result ? errc::ok : to_errc(result.error()); };
  const auto wanted = hub::Cancellation::make();
  const hub::RawQuery raw{kTemperature, 0, kStart * 2, 10, std::nullopt, wanted};
  const hub::BucketQuery buckets{kTemperature, 0, kStart * 2, 10, wanted};
  const hub::GapQuery gaps{stream_of("a").device, {}, 0, kStart * 2, wanted};
  EXPECT_EQ(code(client.raw(raw)), errc::ok);
  EXPECT_EQ(code(client.buckets(buckets)), errc::ok);
  EXPECT_EQ(code(client.gaps(gaps)), errc::ok);
  wanted.cancel();
  EXPECT_EQ(code(client.raw(raw)), errc::cancelled);
  EXPECT_EQ(code(client.buckets(buckets)), errc::cancelled);
  EXPECT_EQ(code(client.gaps(gaps)), errc::cancelled);
  EXPECT_EQ(all(store).times_us.size(), 1u) << "the next question is another";
}

TEST_P(readings_store_query, expiry_drops_old_chunks_and_keeps_the_rest) {
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
  // The first days are over by now; with readings that came later they are of both kinds.
  store.compact();
  ASSERT_TRUE(
      store.client().append(number_frame(stream_of("a"), 11, kTemperature, {kStart + 1, kStart + 5 * kDay}, {0.5, 5})));
  store.seal();
  // The store's own helper stream has readings near the epoch.
  EXPECT_GE(store.client().expire(kStart + 5 * kDay).value(), 10u);
  EXPECT_EQ(store.client().expire(kStart + 5 * kDay).value(), 0u);
  store.compact();
  for (const bool reopened : {false, true}) {
    if (reopened) store.restart();
    EXPECT_THAT(numbers(all(store)), ElementsAre(5, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9));
    EXPECT_EQ(gaps(store, "a").size(), 5u);
    EXPECT_EQ(store.client().latest({kTemperature}).value().size(), 1u);
  }
}

}  // namespace
