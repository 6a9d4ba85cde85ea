// Groups of devices whose readings are kept for a time of their own, in files of their own.
#include <gmock/gmock.h>

#include <atomic>

#include "hub/storage/sqlite/database.h"
#include "hub/storage/sqlite/folder_reader.h"
#include "tests/unit/hub/storage/partitions_fixture.h"

namespace {

namespace fs = std::filesystem;
using namespace partitions_test;
using hub::sqlite::kDefaultClass;
using hub::sqlite::PartitionRecord;
using hub::sqlite::Retention;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

constexpr SeriesId kLab{8};

class RetentionClasses : public Partitions {
 protected:
  RetentionClasses() {
    options_.retention.common.age_us = 30 * kOneDayUs;
    options_.retention.classes["lab"].age_us = 3 * kOneDayUs;
    options_.class_of = [this](SeriesId series) {
      return series == kLab && is_lab_ ? std::string("lab") : std::string(kDefaultClass);
    };
  }
  std::vector<double> day0(SeriesId series) { return raw(kDay0, kDay0 + kOneDayUs, series); }
  std::vector<std::uint32_t> counts_of_day0(SeriesId series) {
    auto found = client().buckets({series, kDay0, kDay0 + kOneDayUs, 1});
    EXPECT_TRUE(found) << found.error().message();
    return found ? found->count : std::vector<std::uint32_t>();
  }
  void wait_until_gone(const std::string& file) {
    wait_until([&] { return !fs::exists(path_of(file)); });
  }

  std::atomic<bool> is_lab_{true};
};

TEST_F(RetentionClasses, group_goes_by_its_own_time_and_the_others_stay) {
  open();
  put_day(kDay0);
  put_day(kDay0, kLab);
  end_days(2);
  EXPECT_THAT(files(), Contains("2023-11-15-default-g1.db"));
  EXPECT_THAT(files(), Contains("2023-11-15-lab-g1.db"));
  EXPECT_EQ(day0(kSeries).size(), 1'440u);
  EXPECT_EQ(day0(kLab).size(), 1'440u);
  clock_.advance(2 * kOneDayUs);
  wait_until_gone("2023-11-15-lab-g1.db");
  EXPECT_THAT(files(), Contains("2023-11-lab.db"));
  for (const bool reopened : {false, true}) {
    if (reopened) open();
    EXPECT_EQ(day0(kSeries).size(), 1'440u);
    EXPECT_EQ(day0(kLab).size(), 0u);
    EXPECT_EQ(counts_of_day0(kLab), std::vector<std::uint32_t>{1'440}) << "its hours stay";
    EXPECT_EQ(counts_of_day0(kSeries), std::vector<std::uint32_t>{1'440});
    EXPECT_EQ(store_->status().warning, "");
  }
}

TEST_F(RetentionClasses, late_readings_join_their_day_also_when_the_device_has_left_the_group) {
  options_.retention.classes["lab"].age_us = 20 * kOneDayUs;
  open();
  put({kDay0 + 1, kDay0 + 2}, {1, 2}, kLab);
  put({kDay0 + 1}, {10});
  end_days(2);
  is_lab_ = false;
  put({kDay0 + 2}, {3}, kLab, hub::kBackfilled);
  put({kDay0 + kOneDayUs + 1}, {4}, kLab, hub::kBackfilled);
  end_days(2);
  EXPECT_THAT(files(), Contains("2023-11-15-lab-g2.db"));
  EXPECT_THAT(files(), Contains("2023-11-16-default-g1.db")) << "a day of which there was nothing yet";
  EXPECT_THAT(files(), Contains("2023-11-15-default-g1.db"));
  EXPECT_THAT(day0(kLab), ElementsAre(1, 2, 3));
  EXPECT_THAT(raw(kDay0, kDay0 + 2 * kOneDayUs, kLab), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(day0(kSeries), ElementsAre(10));
}

TEST_F(RetentionClasses, late_readings_of_a_day_that_is_gone_add_to_its_hours_in_another_class_too) {
  open();
  put({kDay0 + 1}, {1}, kLab);
  end_days(5);
  wait_until_gone("2023-11-15-lab-g1.db");
  is_lab_ = false;
  put({kDay0 + 2}, {2}, kLab, hub::kBackfilled);
  end_days(2);
  EXPECT_THAT(files(), Contains("2023-11-15-default-g1.db"));
  EXPECT_THAT(day0(kLab), ElementsAre(2));
  EXPECT_EQ(counts_of_day0(kLab), std::vector<std::uint32_t>{2});
}

TEST_F(RetentionClasses, class_without_a_policy_follows_the_common_one) {
  open();
  put_day(kDay0, kLab);
  end_days(2);
  ASSERT_THAT(files(), Contains("2023-11-15-lab-g1.db"));
  options_.retention.classes.clear();
  options_.class_of = nullptr;
  open();
  put({kDay0 + 30 * kSecondUs}, {0.5}, kLab, hub::kBackfilled);
  end_days(6);
  EXPECT_THAT(files(), Contains("2023-11-15-lab-g2.db"));
  EXPECT_EQ(day0(kLab).size(), 1'441u);
  clock_.advance(30 * kOneDayUs);
  wait_until_gone("2023-11-15-lab-g2.db");
}

TEST_F(RetentionClasses, late_readings_wait_for_a_file_that_may_hold_their_series) {
  options_.retention.classes["lab"].age_us = 20 * kOneDayUs;
  open();
  put({kDay0 + 1}, {1}, kLab);
  put({kDay0 + 1}, {10});
  end_days(2);
  store_.reset();
  fs::rename(path_of("2023-11-15-lab-g1.db"), folder_.path() + "/elsewhere");
  open();
  is_lab_ = false;
  put({kDay0 + 2}, {2}, kLab, hub::kBackfilled);
  end_days(2);
  EXPECT_THAT(files(), Not(Contains("2023-11-15-default-g2.db"))) << "whose is it?";
  EXPECT_THAT(day0(kLab), ElementsAre(2));
  fs::rename(folder_.path() + "/elsewhere", path_of("2023-11-15-lab-g1.db"));
  wait_until([&] { return fs::exists(path_of("2023-11-15-lab-g2.db")); });
  EXPECT_THAT(day0(kLab), ElementsAre(1, 2));
}

TEST_F(RetentionClasses, catalogue_of_one_class_a_day_is_read_as_it_is_and_made_anew_by_the_hub) {
  options_.class_of = nullptr;
  open();
  put_day(kDay0);
  end_days(2);
  store_.reset();
  const std::string path = folder_.path() + "/recent.db";
  {
    auto db = hub::sqlite::Database::open(path);
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->execute(
        "ALTER TABLE partition RENAME TO partition_2; CREATE TABLE partition(day INTEGER PRIMARY KEY, class TEXT NOT "
        "NULL, generation INTEGER NOT NULL, seal INTEGER NOT NULL, readings INTEGER NOT NULL, chunks INTEGER NOT NULL, "
        "bytes INTEGER NOT NULL, first_time INTEGER NOT NULL, last_time INTEGER NOT NULL, made_at INTEGER NOT NULL) "
        "STRICT; INSERT INTO partition SELECT * FROM partition_2; DROP TABLE partition_2; DROP TABLE expired_day; "
        "DROP TABLE summary_file; UPDATE meta SET value = 1 WHERE key = 'format'"));
  }
  {
    auto reader = hub::sqlite::FolderReader::open(folder_.path(), {});
    ASSERT_TRUE(reader) << reader.error().detail;
    const auto page = (*reader)->query_raw({kSeries, kDay0, kDay0 + kOneDayUs, 10'000, std::nullopt});
    ASSERT_TRUE(page);
    EXPECT_EQ(page->times_us.size(), 1'440u);
  }
  for (int times = 0; times < 2; ++times) {
    open();
    EXPECT_EQ(day0(kSeries).size(), 1'440u);
    EXPECT_THAT(files(), Contains("2023-11-15-default-g1.db"));
    store_.reset();
    auto db = hub::sqlite::Database::open(path);
    ASSERT_TRUE(db);
    auto format = db->prepare("SELECT value FROM meta WHERE key = 'format'");
    ASSERT_TRUE(format && format->step());
    EXPECT_EQ(format->integer(0), hub::sqlite::kRecentFormat);
  }
}

PartitionRecord partition(std::int64_t day, const char* retention_class, std::uint64_t bytes) {
  PartitionRecord record;
  record.name = {day, retention_class, 1};
  record.bytes = bytes;
  return record;
}

TEST(RetentionOfClasses, each_class_bounds_its_own_bytes) {
  Retention retention;
  retention.common.bytes = 100;
  retention.classes["lab"].bytes = 10;
  const std::vector<PartitionRecord> held = {partition(1, "default", 40), partition(1, "lab", 6),
                                             partition(2, "default", 40), partition(2, "lab", 6),
                                             partition(2, "once", 25)};
  const auto gone = hub::sqlite::expired_partitions(held, retention, 0);
  ASSERT_EQ(gone.size(), 2u) << "a class that is not configured any more counts with the common one";
  EXPECT_EQ(gone[0].name, held[0].name);
  EXPECT_EQ(gone[1].name, held[1].name);
}

TEST(RetentionOfClasses, device_of_several_groups_follows_the_one_that_keeps_longest) {
  Retention retention;
  retention.classes["a"].age_us = 5;
  retention.classes["b"].age_us = 5;
  retention.classes["b"].bytes = 100;
  retention.classes["c"].age_us = 9;
  retention.classes["d"];
  EXPECT_EQ(retention.class_among({}), kDefaultClass);
  EXPECT_EQ(retention.class_among({"other"}), kDefaultClass);
  EXPECT_EQ(retention.class_among({"b", "a"}), "a");
  EXPECT_EQ(retention.class_among({"a", "b", "c"}), "c");
  EXPECT_EQ(retention.class_among({"c", "d", "other"}), "d");
}

TEST(RetentionOfClasses, gaps_are_kept_as_long_as_any_readings) {
  Retention retention;
  retention.common.age_us = 5;
  EXPECT_EQ(hub::sqlite::gap_cut(retention, 100), 95);
  retention.classes["lab"].age_us = 20;
  EXPECT_EQ(hub::sqlite::gap_cut(retention, 100), 80);
  retention.classes["kept"].age_us = 0;
  EXPECT_EQ(hub::sqlite::gap_cut(retention, 100), std::nullopt);
}

}  // namespace
