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
