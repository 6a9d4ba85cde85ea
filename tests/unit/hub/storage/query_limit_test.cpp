// A query that runs for too long, or that nobody wants any more, ends in its middle.
#include <gmock/gmock.h>

#include "hub/storage/sqlite/query_limit.h"
#include "tests/unit/hub/storage/partitions_fixture.h"

namespace {

using namespace partitions_test;
using hub::errc;

/// Something happens whenever the boot time is looked at; nothing else moves.
class WatchedClock final : public base::Clock {
 public:
  std::int64_t now_us() const override { return kDay0; }
  std::int64_t boot_us() const override {
    const auto look = ++looks_;
    return at_look_ ? at_look_(look) : 1;
  }
  bool synchronised() const override { return true; }
  /// From now on, looks counted from 1.
  void at_look(std::function<std::int64_t(std::int64_t)> at_look) {
    looks_ = 0;
    at_look_ = std::move(at_look);
  }
  std::int64_t looks() const { return looks_; }

 private:
  mutable std::atomic<std::int64_t> looks_{0};
  std::function<std::int64_t(std::int64_t)> at_look_;
};

/// A store of two days of one series, of which nothing is sealed or compacted any more while a test asks.
class QueryLimitTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.folder = folder_.path();
    options_.commit_window_us = 0;
    options_.low_water_bytes = 1;
    {
      auto filled = hub::sqlite::open_readings_store(options_, filling_, random_);
      ASSERT_TRUE(filled) << filled.error().detail;
      for (std::uint64_t day = 0; day < 2; ++day) {
        std::vector<std::int64_t> times;
        std::vector<double> values;
        for (int minute = 0; minute < 1'440; ++minute) {
          times.push_back(kDay0 + static_cast<std::int64_t>(day) * kOneDayUs + minute * 60 * kSecondUs);
          values.push_back(minute);
        }
        ASSERT_TRUE(fakes::ReadingsClient(**filled).append(
            fakes::number_frame(fakes::stream_of("a"), day + 1, kSeries, std::move(times), std::move(values))));
      }
      // Past the interval: the next commit has them sealed.
      filling_.advance(options_.seal_interval_us);
      ASSERT_TRUE(fakes::ReadingsClient(**filled).append(
          fakes::number_frame(fakes::stream_of("a"), 3, SeriesId{9}, {kDay0}, {1})));
      wait_until([&] { return (*filled)->status().sealed_through >= 2; });
    }
    options_.seal_interval_us = std::int64_t{1} << 60;
    auto store = hub::sqlite::open_readings_store(options_, clock_, random_);
    ASSERT_TRUE(store) << store.error().detail;
    store_ = std::move(*store);
  }
  static void wait_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + fakes::kReplyDeadline;
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  hub::Result<hub::RawPage> raw(hub::Cancellation wanted = {}) {
    return fakes::ReadingsClient(*store_).raw(
        {kSeries, kDay0, kDay0 + 2 * kOneDayUs, 100'000, std::nullopt, std::move(wanted)});
  }
  // Wider than chunks, so that each is decoded.
  hub::Result<hub::Buckets> buckets(hub::Cancellation wanted = {}) {
    return fakes::ReadingsClient(*store_).buckets({kSeries, kDay0, kDay0 + 2 * kOneDayUs, 2'000, std::move(wanted)});
  }

  fakes::TempFolder folder_;
  fakes::ManualClock filling_{kDay0 + kOneDayUs / 2};
  WatchedClock clock_;
  base::SeededRandom random_{1};
  hub::sqlite::ReadingsOptions options_;
  std::unique_ptr<hub::ReadingsStore> store_;
};

TEST_F(QueryLimitTest, long_queries_end_in_their_middle_when_their_time_is_over) {
  // A fifth of a second a look: submission is the first, and 30 s are over at the 151st.
  clock_.at_look([](std::int64_t look) { return look * 200'000; });
  const auto page = raw();
  ASSERT_FALSE(page) << "288 buckets of ten minutes, two days, and SQL";
  EXPECT_EQ(hub::to_errc(page.error()), errc::timed_out);
}

TEST_F(QueryLimitTest, queries_within_their_time_are_answered) {
  clock_.at_look([](std::int64_t look) { return look * 50'000; });
  const auto page = raw();
  ASSERT_TRUE(page) << page.error().message();
  EXPECT_EQ(page->times_us.size(), 2'880u);
}

TEST_F(QueryLimitTest, cancelled_queries_end_in_their_middle) {
  for (const std::int64_t at : {5, 50, 150}) {
    const auto wanted = hub::Cancellation::make();
    clock_.at_look([&](std::int64_t look) {
      if (look == at) wanted.cancel();
      return 1;
    });
    const auto page = raw(wanted);
    ASSERT_FALSE(page);
    EXPECT_EQ(hub::to_errc(page.error()), errc::cancelled);
    EXPECT_LT(clock_.looks(), at + 5) << "it went on for nobody";
    const auto again = hub::Cancellation::make();
    clock_.at_look([&](std::int64_t look) {
      if (look == at) again.cancel();
      return 1;
    });
    const auto found = buckets(again);
    ASSERT_FALSE(found);
    EXPECT_EQ(hub::to_errc(found.error()), errc::cancelled);
  }
}

TEST(interrupted_sql, ends_a_single_long_statement) {
  const fakes::TempFolder folder;
  auto db = hub::sqlite::Database::open(folder.path() + "/some.db");
  ASSERT_TRUE(db);
  WatchedClock clock;
  clock.at_look([](std::int64_t look) { return look; });
  const hub::sqlite::QueryLimit limit(clock, 100, {});
  const std::string endless =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n WHERE i < 0";
  {
    const hub::sqlite::InterruptedSql interrupted(*db, limit);
    const auto done = db->execute(endless);
    ASSERT_FALSE(done);
    EXPECT_EQ(hub::to_errc(done.error()), errc::cancelled);
  }
  EXPECT_EQ(hub::to_errc(limit.check().error()), errc::timed_out);
  EXPECT_TRUE(db->execute("CREATE TABLE t(x)")) << "and nothing is interrupted afterwards";
}

}  // namespace
