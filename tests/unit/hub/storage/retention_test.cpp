// What goes by itself: by age, by bytes, never by a wrong clock; and the hours that stay.
#include "hub/storage/sqlite/retention.h"

#include <gmock/gmock.h>

#include "tests/unit/hub/storage/partitions_fixture.h"

namespace {

namespace fs = std::filesystem;
using namespace partitions_test;
using testing::Contains;
using testing::Not;

class RetentionOfAStore : public Partitions {
 protected:
  void wait_until_gone(const std::string& file) {
    wait_until([&] { return !fs::exists(path_of(file)); });
  }
  hub::Buckets buckets(std::int64_t from_us, std::int64_t to_us, std::uint32_t width) {
    auto found = client().buckets({kSeries, from_us, to_us, width});
    EXPECT_TRUE(found) << found.error().message();
    return found ? *found : hub::Buckets();
  }
};

TEST_F(RetentionOfAStore, old_days_go_and_their_hours_stay) {
  options_.retention.common.age_us = 5 * kOneDayUs;
  open();
  put_day(kDay0);
  put_day(kDay0 + kOneDayUs);
  end_days(2);
  const auto before = buckets(kDay0, kDay0 + kOneDayUs, 24);
  ASSERT_EQ(before.count, std::vector<std::uint32_t>(24, 60));
  clock_.advance(3 * kOneDayUs + kOneDayUs / 2);
  wait_until_gone("2023-11-15-default-g1.db");
  EXPECT_THAT(files(), Contains("2023-11-default.db"));
  EXPECT_THAT(files(), Contains("2023-11-16-default-g1.db"));
  for (const bool reopened : {false, true}) {
    if (reopened) open();
    EXPECT_EQ(raw(kDay0, kDay0 + kOneDayUs).size(), 0u);
    const auto after = buckets(kDay0, kDay0 + kOneDayUs, 24);
    EXPECT_EQ(after.index, before.index);
    EXPECT_EQ(after.count, before.count);
    EXPECT_EQ(after.minimum, before.minimum);
    EXPECT_EQ(after.maximum, before.maximum);
    EXPECT_EQ(after.sum, before.sum);
    EXPECT_EQ(after.first, before.first);
    EXPECT_EQ(after.last, before.last);
    EXPECT_EQ(store_->status().warning, "");
  }
  // Narrower than an hour: each hour stands where it begins, with its extremes.
  const auto narrow = buckets(kDay0, kDay0 + kOneDayUs, 96);
  ASSERT_EQ(narrow.index.size(), 24u);
  EXPECT_EQ(narrow.index[1], 4u);
  EXPECT_EQ(narrow.maximum, before.maximum);
}

TEST_F(RetentionOfAStore, readings_that_come_for_a_day_that_is_gone_add_to_its_hours) {
  options_.retention.common.age_us = 3 * kOneDayUs;
  open();
  put({kDay0 + 1}, {5});
  clock_.advance(5 * kOneDayUs);
  settle();
  wait_until_gone("2023-11-15-default-g1.db");
  put({kDay0 + 2}, {-3}, kSeries, hub::kBackfilled);
  wait_until([&] { return buckets(kDay0, kDay0 + kOneDayUs, 1).count == std::vector<std::uint32_t>{2}; });
  wait_until([&] { return raw().empty(); });
  const auto both = buckets(kDay0, kDay0 + kOneDayUs, 1);
  EXPECT_EQ(both.minimum, std::vector<double>{-3});
  EXPECT_EQ(both.maximum, std::vector<double>{5});
  EXPECT_EQ(both.sum, std::vector<double>{2});
}

TEST_F(RetentionOfAStore, past_its_bytes_the_oldest_day_goes_first) {
  open();
  for (int day = 0; day < 3; ++day) put_day(kDay0 + day * kOneDayUs);
  end_days(4);
  const auto held = store_->status();
  ASSERT_GE(held.partitions, 3u);
  options_.retention.common.bytes = held.partition_bytes - 1;
  open();
  wait_until_gone("2023-11-15-default-g1.db");
  settle();
  EXPECT_THAT(files(), Contains("2023-11-16-default-g1.db"));
  EXPECT_EQ(raw().size(), 2 * 1'440u);
}

TEST_F(RetentionOfAStore, nothing_goes_by_a_clock_that_is_not_synchronised_or_jumps) {
  options_.retention.common.age_us = 5 * kOneDayUs;
  open();
  put_day(kDay0);
  end_days(2);
  clock_.set_synchronised(false);
  clock_.set_wall(kDay0 + 400 * kOneDayUs);
  wait_until([&] { return store_->status().retention_halted; });
  settle();
  EXPECT_EQ(raw(kDay0, kDay0 + kOneDayUs).size(), 1'440u);
  clock_.set_synchronised(true);  // and still a year ahead of where it was
  settle();
  EXPECT_TRUE(store_->status().retention_halted);
  EXPECT_EQ(raw(kDay0, kDay0 + kOneDayUs).size(), 1'440u);
  clock_.set_wall(kDay0 + 7 * kOneDayUs);
  open();
  wait_until_gone("2023-11-15-default-g1.db");
  EXPECT_FALSE(store_->status().retention_halted);
}

TEST_F(RetentionOfAStore, hours_go_when_their_own_time_is_over) {
  options_.retention.common.age_us = 5 * kOneDayUs;
  options_.retention.common.summary_age_us = 60 * kOneDayUs;
  open();
  put_day(kDay0);
  end_days(6);
  wait_until_gone("2023-11-15-default-g1.db");
  ASSERT_EQ(buckets(kDay0, kDay0 + kOneDayUs, 1).count.size(), 1u);
  clock_.advance(80 * kOneDayUs);
  store_.reset();
  open();  // a jump of the clock is trusted by a new start only
  wait_until_gone("2023-11-default.db");
  EXPECT_EQ(buckets(kDay0, kDay0 + kOneDayUs, 1).count.size(), 0u);
  EXPECT_EQ(store_->status().warning, "");
}

TEST_F(RetentionOfAStore, summary_that_is_lost_is_told_and_the_rest_goes_on) {
  options_.retention.common.age_us = 5 * kOneDayUs;
  open();
  put_day(kDay0);
  end_days(6);
  wait_until_gone("2023-11-15-default-g1.db");
  store_.reset();
  fs::remove(path_of("2023-11-default.db"));
  open();
  wait_until([&] { return !store_->status().warning.empty(); });
  EXPECT_THAT(store_->status().warning, testing::HasSubstr("2023-11-default.db"));
  EXPECT_EQ(buckets(kDay0, kDay0 + kOneDayUs, 1).count.size(), 0u);
}

}  // namespace
