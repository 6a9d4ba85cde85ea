#include "hub/storage/sqlite/storage_forecast.h"

#include <gtest/gtest.h>

#include "tests/unit/hub/storage/partitions_fixture.h"

namespace {

using hub::sqlite::bytes_per_day;
using hub::sqlite::forecast;
using hub::sqlite::kDayUs;
using hub::sqlite::PartitionRecord;

constexpr std::int64_t kToday = 20'000;
constexpr std::int64_t kNow = kToday * kDayUs + kDayUs / 3;

PartitionRecord day(std::int64_t number, std::uint64_t bytes) {
  PartitionRecord record;
  record.name.day = number;
  record.bytes = bytes;
  return record;
}

TEST(StorageForecast, a_day_comes_to_the_mean_of_the_last_ones_silent_days_included) {
  EXPECT_EQ(bytes_per_day({}, kNow), std::nullopt);
  EXPECT_EQ(bytes_per_day({day(kToday, 900)}, kNow), std::nullopt) << "today is not over";
  EXPECT_EQ(bytes_per_day({day(kToday - 9, 900), day(12'000, 5'000)}, kNow), std::nullopt) << "too long ago";
  EXPECT_EQ(bytes_per_day({day(kToday - 1, 900)}, kNow), 900);
  EXPECT_EQ(bytes_per_day({day(kToday - 4, 100), day(kToday - 1, 900), day(kToday - 9, 7'000)}, kNow), 250);
}

TEST(StorageForecast, days_are_left_until_the_low_water_mark) {
  const auto expected = forecast({{100, 5'000, {}}}, {1'500, 500});
  EXPECT_EQ(expected.bytes_per_day, 100);
  EXPECT_EQ(expected.days_left, 10);
  EXPECT_EQ(forecast({{100, 5'000, {}}}, {400, 500}).days_left, 0);
}

TEST(StorageForecast, retention_that_keeps_less_than_there_is_room_for_means_never) {
  hub::sqlite::RetentionPolicy policy;
  policy.age_us = 30 * kDayUs;
  EXPECT_EQ(forecast({{100, 0, policy}}, {10'000, 500}).days_left, std::nullopt);
  EXPECT_EQ(forecast({{100, 3'000, policy}}, {700, 500}).days_left, std::nullopt) << "what is held will go";
  EXPECT_EQ(forecast({{100, 0, policy}}, {2'500, 500}).days_left, 20);
  policy.bytes = 1'000;
  EXPECT_EQ(forecast({{100, 0, policy}}, {2'500, 500}).days_left, std::nullopt);
}

TEST(StorageForecast, classes_grow_until_each_has_what_it_keeps) {
  hub::sqlite::Retention retention;
  retention.common.age_us = 8 * kDayUs;  // 1,000 bytes at most
  retention.classes["lab"].bytes = 100;
  auto lab = day(kToday - 1, 50);
  lab.name.retention_class = "lab";
  auto growing = hub::sqlite::growths({day(kToday - 1, 100), lab}, retention, kNow);
  ASSERT_EQ(growing.size(), 2u);
  // The lab has 150 after two days, the others 1,000 after nine: 100 and 900 bytes more.
  EXPECT_EQ(forecast(growing, {1'000, 0}).days_left, std::nullopt);
  EXPECT_EQ(forecast(growing, {1'000, 0}).bytes_per_day, 150);
  EXPECT_DOUBLE_EQ(forecast(growing, {999, 0}).days_left.value_or(0), 8.99);
  EXPECT_EQ(forecast(growing, {150, 0}).days_left, 1);
}

class ForecastOfAStore : public partitions_test::Partitions {};

TEST_F(ForecastOfAStore, is_there_once_a_day_is_a_file) {
  options_.free_bytes = [](const std::string&) { return std::uint64_t{1} << 40; };
  open();
  EXPECT_FALSE(store_->status().forecast);
  put_day(partitions_test::kDay0);
  clock_.advance(partitions_test::kDay0 + partitions_test::kOneDayUs + options_.compact_grace_us + 1 - clock_.now_us());
  wait_until([&] { return store_->status().forecast.has_value(); });
  const auto status = store_->status();
  EXPECT_EQ(status.forecast->bytes_per_day, static_cast<double>(status.partition_bytes));
  EXPECT_GT(status.forecast->days_left.value_or(0), 1'000);
}

}  // namespace
