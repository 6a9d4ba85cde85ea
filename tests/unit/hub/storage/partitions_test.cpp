// Days that are over lie in files of their own; late readings, unknown, missing and damaged files.
#include <gmock/gmock.h>

#include <fstream>

#include "hub/storage/sqlite/database.h"
#include "tests/unit/hub/storage/partitions_fixture.h"

namespace {

namespace fs = std::filesystem;
using namespace partitions_test;
using hub::sqlite::PartitionName;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(partition_name, survives_its_text_and_others_are_refused) {
  for (const std::int64_t day : {-58'255LL, -1LL, 0LL, 19'676LL, 58'254LL}) {
    const PartitionName name{day, "default", 12};
    const auto back = PartitionName::from_text(name.to_text());
    ASSERT_TRUE(back) << name.to_text();
    EXPECT_EQ(*back, name);
  }
  EXPECT_EQ((PartitionName{19'676, "default", 1}.to_text()), "2023-11-15-default-g1.db");
  for (const char* text : {"2023-11-15-default-g0.db", "2023-11-15-default-g1.db-wal", "2023-13-15-default-g1.db",
                           "2023-11-15-g1.db", "2023-11-15-default-g01.db", "recent.db", ""}) {
    const auto parsed = PartitionName::from_text(text);
    EXPECT_FALSE(parsed && parsed->generation > 0) << text;
  }
}

TEST(partition_days, buckets_hours_and_months_fit_together) {
  using namespace hub::sqlite;
  for (const std::int64_t day : {-58'254LL, -366LL, -1LL, 0LL, 19'676LL}) {
    const BucketSpan buckets = buckets_of_day(day);
    EXPECT_EQ(day_of_bucket(buckets.first), day);
    EXPECT_EQ(day_of_bucket(buckets.last), day);
    EXPECT_EQ(hour_of_bucket(buckets.first), 0);
    EXPECT_EQ(hour_of_bucket(buckets.last), 23);
    EXPECT_EQ(span_of_day(day).from_us, day * kDayUs);
    EXPECT_EQ(span_of_day(day).to_us, (day + 1) * kDayUs);
    const DaySpan month = days_of_month(month_of_day(day));
    EXPECT_LE(month.first, day);
    EXPECT_GE(month.last, day);
    EXPECT_EQ(month_of_day(month.first), month_of_day(day));
    EXPECT_NE(month_of_day(month.last + 1), month_of_day(day));
  }
  EXPECT_EQ(day_of_time(std::numeric_limits<std::int64_t>::min()), day_of_bucket(kMinBucket));
  const auto id = hour_chunk_id(SeriesId{0xffffffff}, 23, 255);
  EXPECT_EQ(raw(series_of_hour_chunk(id)), 0xffffffffu);
  EXPECT_EQ(hour_of_hour_chunk(id), 23);
  EXPECT_EQ(part_of(id), 255u);
}

TEST_F(Partitions, day_that_is_over_lies_in_one_file_and_reads_as_before) {
  open();
  put_day(kDay0);
  put_day(kDay0, SeriesId{8});
  const auto before = raw();
  ASSERT_EQ(before.size(), 1'440u);
  const auto buckets = client().buckets({kSeries, kDay0, kDay0 + kOneDayUs, 333}).value();
  end_days(2);
  EXPECT_THAT(files(), testing::Contains("2023-11-15-default-g1.db"));
  EXPECT_EQ(store_->status().compactions, 1u);
  for (const bool reopened : {false, true}) {
    if (reopened) open();
    EXPECT_EQ(raw(), before);
    EXPECT_EQ(raw(kDay0 + 3'599 * kSecondUs, kDay0 + 3'661 * kSecondUs).size(), 2u);
    const auto again = client().buckets({kSeries, kDay0, kDay0 + kOneDayUs, 333}).value();
    EXPECT_EQ(again.index, buckets.index);
    EXPECT_EQ(again.count, buckets.count);
    EXPECT_EQ(again.minimum, buckets.minimum);
    EXPECT_EQ(again.maximum, buckets.maximum);
    EXPECT_EQ(again.first, buckets.first);
    EXPECT_EQ(again.last, buckets.last);
    EXPECT_EQ(client().latest({kSeries}).value().size(), 1u);
  }
  store_.reset();
  auto recent = hub::sqlite::Database::open(folder_.path() + "/recent.db");
  ASSERT_TRUE(recent);
  auto count = recent->prepare("SELECT count(*) FROM chunk WHERE first_time BETWEEN ? AND ?");
  ASSERT_TRUE(count);
  count->bind_all(kDay0, kDay0 + kOneDayUs - 1);
  ASSERT_TRUE(count->step());
  EXPECT_EQ(count->integer(0), 0) << "nothing lies in both";
}

TEST_F(Partitions, day_is_left_alone_until_its_grace_is_over) {
  open();
  put_day(kDay0);
  clock_.set_wall(kDay0 + kOneDayUs + options_.compact_grace_us - 1);
  settle();
  EXPECT_THAT(files(), ElementsAre());
  clock_.set_wall(kDay0 + kOneDayUs + options_.compact_grace_us);
  settle();
  EXPECT_THAT(files(), ElementsAre("2023-11-15-default-g1.db"));
}

TEST_F(Partitions, late_readings_wait_and_then_come_in_order_into_the_next_generation) {
  open();
  put({kDay0 + 1, kDay0 + 2, kDay0 + 2}, {1, 2, 3});
  put({kDay0 + 2}, {4}, kSeries, hub::kBackfilled);
  put({kDay0 + 7'200 * kSecondUs}, {9});
  end_days(2);
  put({kDay0 + 2, kDay0 + 3}, {5, 6}, kSeries, hub::kBackfilled);
  settle();
  EXPECT_THAT(files(), testing::Contains("2023-11-15-default-g1.db"));
  EXPECT_THAT(raw(), ElementsAre(1, 2, 3, 4, 5, 6, 9));
  end_days(2);
  EXPECT_THAT(raw(), ElementsAre(1, 2, 3, 4, 5, 6, 9));
  put({kDay0 + 2'000 * kSecondUs}, {7.5});
  wait_until([&] { return !fs::exists(path_of("2023-11-15-default-g1.db")); });
  EXPECT_THAT(files(), testing::Contains("2023-11-15-default-g2.db"));
  end_days(2);
  EXPECT_THAT(raw(), ElementsAre(1, 2, 3, 4, 5, 6, 7.5, 9));
  EXPECT_THAT(files(), testing::Contains("2023-11-15-default-g3.db"));
  const auto one = client().buckets({kSeries, kDay0, kDay0 + kOneDayUs, 1}).value();
  EXPECT_EQ(one.count, (std::vector<std::uint32_t>{8}));
  EXPECT_EQ(one.sum[0], 37.5);
}

TEST_F(Partitions, hours_that_fit_into_a_pixel_are_answered_by_their_headers) {
  open();
  put_day(kDay0);
  end_days(2);
  store_.reset();
  {
    auto file = hub::sqlite::Database::open(path_of("2023-11-15-default-g1.db"));
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->execute("UPDATE chunk SET payload = x'00'"));
    ASSERT_TRUE(file->execute("PRAGMA journal_mode=DELETE"));
  }
  open();
  const auto hours = client().buckets({kSeries, kDay0, kDay0 + kOneDayUs, 24});
  ASSERT_TRUE(hours) << "no payload is needed";
  EXPECT_EQ(hours->count, std::vector<std::uint32_t>(24, 60));
  EXPECT_EQ(hours->maximum[23], 1'439);
  const auto page = client().raw({kSeries, kDay0, kDay0 + kOneDayUs, 10, std::nullopt});
  ASSERT_FALSE(page);
  EXPECT_EQ(hub::to_errc(page.error()), hub::errc::storage_damaged);
}

TEST_F(Partitions, unknown_files_are_renamed_aside_and_half_made_ones_removed) {
  open();
  put_day(kDay0);
  end_days(2);
  store_.reset();
  fs::copy_file(path_of("2023-11-15-default-g1.db"), path_of("2023-11-15-default-g9.db"));
  std::ofstream(path_of("2023-11-16-default-g1.db.making")) << "half";
  std::ofstream(path_of("notes.txt")) << "not ours";
  open();
  EXPECT_THAT(files(),
              ElementsAre("2023-11-15-default-g1.db", "2023-11-15-default-g9.db.quarantined", "notes.txt.quarantined"));
  EXPECT_THAT(store_->status().warning, HasSubstr("2 files"));
  EXPECT_EQ(raw().size(), 1'440u) << "what is aside counts for nothing";
  open();
  EXPECT_EQ(files().size(), 3u) << "and stays as it is";
  EXPECT_EQ(store_->status().warning, "");
}

TEST_F(Partitions, missing_file_is_a_gap_and_comes_back_with_the_file) {
  open();
  put_day(kDay0);
  put_day(kDay0 + kOneDayUs);
  end_days(3);
  ASSERT_EQ(raw().size(), 2'880u);
  store_.reset();
  const std::string file = path_of("2023-11-15-default-g1.db");
  fs::rename(file, folder_.path() + "/elsewhere");
  open();
  wait_until([&] { return !store_->status().warning.empty(); });
  EXPECT_THAT(store_->status().warning, HasSubstr(file));
  EXPECT_EQ(raw().size(), 1'440u);
  EXPECT_EQ(client().buckets({kSeries, kDay0, kDay0 + 2 * kOneDayUs, 2}).value().index,
            (std::vector<std::uint32_t>{1}));
  const auto gaps = client().gaps({hub::DeviceId("any"), {kSeries}, kDay0, kDay0 + kOneDayUs}).value();
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].reason, hub::GapReason::file_missing);
  EXPECT_EQ(gaps[0].from_us, kDay0);
  EXPECT_EQ(gaps[0].count, 1'440u);
  EXPECT_TRUE(gaps[0].at_most);
  EXPECT_TRUE(client().gaps({hub::DeviceId("any"), {}, kDay0 + kOneDayUs, kDay0 + 2 * kOneDayUs}).value().empty());
  put({kDay0 + 5}, {0.25});
  end_days(2);
  EXPECT_THAT(raw(kDay0, kDay0 + kOneDayUs), ElementsAre(0.25)) << "late readings wait for the file";
  fs::rename(folder_.path() + "/elsewhere", file);
  EXPECT_EQ(raw().size(), 2'881u);
  EXPECT_TRUE(client().gaps({hub::DeviceId("any"), {}, kDay0, kDay0 + kOneDayUs}).value().empty());
}

TEST_F(Partitions, file_that_is_no_partition_is_as_good_as_missing) {
  open();
  put_day(kDay0);
  end_days(2);
  store_.reset();
  std::ofstream(path_of("2023-11-15-default-g1.db"), std::ios::trunc) << std::string(8'192, 'x');
  open();
  EXPECT_EQ(raw().size(), 0u);
  EXPECT_EQ(client().gaps({hub::DeviceId("any"), {}, kDay0, kDay0 + kOneDayUs}).value().size(), 1u);
}

TEST_F(Partitions, expiry_unlinks_whole_files) {
  open();
  for (int day = 0; day < 4; ++day) put_day(kDay0 + day * kOneDayUs);
  end_days(6);
  ASSERT_EQ(files().size(), 4u);
  EXPECT_EQ(client().expire(kDay0 + 2 * kOneDayUs + 5).value() % 1'440, 0u);
  EXPECT_EQ(raw().size(), 2 * 1'440u) << "the third day is cut by no one";
  wait_until([&] {
    return !fs::exists(path_of("2023-11-15-default-g1.db")) && !fs::exists(path_of("2023-11-16-default-g1.db"));
  });
  EXPECT_TRUE(fs::exists(path_of("2023-11-17-default-g1.db")));
  put({kDay0 + 1}, {0.5});
  end_days(2);
  EXPECT_THAT(files(), testing::Contains("2023-11-15-default-g2.db")) << "names never come back";
  EXPECT_EQ(raw().size(), 2 * 1'440u + 1);
}

TEST_F(Partitions, file_that_is_being_read_is_removed_only_afterwards) {
  open();
  put_day(kDay0);
  end_days(2);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::future<hub::Result<hub::RawPage>>> pages;
    for (int i = 0; i < 8; ++i) {
      auto promise = std::make_shared<std::promise<hub::Result<hub::RawPage>>>();
      pages.push_back(promise->get_future());
      store_->query_raw({kSeries, kDay0, kDay0 + kOneDayUs, 100'000, std::nullopt},
                        [promise](auto page) { promise->set_value(std::move(page)); });
    }
    put({kDay0 + 30 * kSecondUs}, {0.5});
    clock_.advance(2 * kOneDayUs);
    settle();
    for (auto& page : pages) {
      const auto result = page.get();
      ASSERT_TRUE(result) << result.error().message();
      EXPECT_GE(result->times_us.size(), 1'440u + static_cast<unsigned>(round));
    }
  }
  EXPECT_EQ(raw().size(), 1'460u);
  EXPECT_EQ(store_->status().warning, "");
}

}  // namespace
