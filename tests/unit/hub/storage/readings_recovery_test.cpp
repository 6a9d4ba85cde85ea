// What opening a data folder says about files that are newer, foreign, missing, damaged or half-made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "hub/storage/sqlite/chunk_table.h"
#include "hub/storage/sqlite/database.h"
#include "hub/storage/sqlite/sqlite_readings_store.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/readings_client.h"
#include "tests/fakes/temp_folder.h"

namespace {

namespace fs = std::filesystem;
using hub::errc;
using hub::SeriesId;
using hub::sqlite::Database;
using hub::sqlite::open_readings_store;
using hub::sqlite::ReadingsOptions;
using testing::HasSubstr;

constexpr std::int64_t kStart = 1'700'000'000'000'000;

class ReadingsRecovery : public testing::Test {
 protected:
  ReadingsRecovery() {
    options_.folder = folder_.path();
    options_.commit_window_us = 0;
    options_.low_water_bytes = 1;
  }

  hub::Outcome<std::unique_ptr<hub::ReadingsStore>> open() { return open_readings_store(options_, clock_, random_); }

  /// Stores `count` frames of one reading each, in a process life of their own.
  void live(int count) {
    auto store = open();
    ASSERT_TRUE(store) << store.error().detail;
    fakes::ReadingsClient client(**store);
    for (int i = 0; i < count; ++i) {
      ++sequence_;
      ASSERT_TRUE(client.append(fakes::number_frame(fakes::stream_of("a"), sequence_, SeriesId{1},
                                                    {kStart + static_cast<std::int64_t>(sequence_)},
                                                    {static_cast<double>(sequence_)})));
    }
  }

  std::vector<std::string> segments() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      const auto path = entry.path().string();
      if (path.ends_with(".db") && path.find("/journal-") != std::string::npos) found.push_back(path);
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  void run_sql(const std::string& file, const std::string& sql) {
    hub::sqlite::OpenOptions options;
    options.checkpoint_on_close = false;
    auto db = Database::open(file, options);
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->execute(sql)) << db->last_error();
  }
  std::string recent() const { return folder_.path() + "/recent.db"; }

  void expect_problem(errc code, const std::string& file, const std::string& words) {
    const auto store = open();
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, code) << store.error().detail;
    EXPECT_THAT(store.error().detail, HasSubstr(file));
    EXPECT_THAT(store.error().detail, HasSubstr(words));
  }
  void expect_readings(std::size_t count) {
    auto store = open();
    ASSERT_TRUE(store) << store.error().detail;
    const auto page = fakes::ReadingsClient(**store).raw({SeriesId{1}, 0, kStart * 2, 100'000, std::nullopt});
    ASSERT_TRUE(page);
    EXPECT_EQ(page->times_us.size(), count);
  }

  static void remove_database(const std::string& path) {
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path + suffix);
  }

  fakes::TempFolder folder_;
  fakes::ManualClock clock_{kStart};
  base::SeededRandom random_{1};
  ReadingsOptions options_;
  std::uint64_t sequence_ = 0;
};

TEST_F(ReadingsRecovery, unsealed_commits_are_replayed_over_many_restarts) {
  for (int i = 0; i < 5; ++i) live(3);
  EXPECT_EQ(segments().size(), 5u);
  expect_readings(15);
}

TEST_F(ReadingsRecovery, newer_formats_are_refused_and_left_alone) {
  live(2);
  run_sql(segments()[0], "UPDATE meta SET value=2 WHERE key='format'");
  expect_problem(errc::unsupported_version, segments()[0], "newer");
  run_sql(segments()[0], "UPDATE meta SET value=1 WHERE key='format'");
  run_sql(recent(), "UPDATE meta SET value=9 WHERE key='format'");
  expect_problem(errc::unsupported_version, recent(), "format 9");
  run_sql(recent(), "UPDATE meta SET value=1 WHERE key='format'");
  expect_readings(2);
}

TEST_F(ReadingsRecovery, journal_of_another_hub_is_refused) {
  live(2);
  run_sql(segments()[0], "UPDATE meta SET value=zeroblob(16) WHERE key='epoch'");
  expect_problem(errc::storage_damaged, segments()[0], "another journal");
}

TEST_F(ReadingsRecovery, journal_without_recent_db_is_refused) {
  live(2);
  remove_database(recent());
  expect_problem(errc::storage_damaged, recent(), "journal files");
}

TEST_F(ReadingsRecovery, missing_segment_is_told_with_the_commits_it_held) {
  live(2);
  live(2);
  live(2);
  remove_database(segments()[1]);
  expect_problem(errc::storage_damaged, segments()[1], "commits 3 to 4");
}

TEST_F(ReadingsRecovery, segment_that_lost_its_log_is_told) {
  live(2);
  live(2);
  fs::remove(segments()[0] + "-wal");
  fs::remove(segments()[0] + "-shm");
  expect_problem(errc::storage_damaged, segments()[1], "commits 1 to 2");
}

TEST_F(ReadingsRecovery, damaged_row_is_told_with_its_commit) {
  live(3);
  run_sql(segments()[0], "UPDATE journal SET body = CAST(body || x'00' AS BLOB) WHERE number = 2");
  expect_problem(errc::storage_damaged, segments()[0], "commit 2");
}

TEST_F(ReadingsRecovery, half_made_last_segment_is_made_anew) {
  live(2);
  std::ofstream(folder_.path() + "/journal-00000000000000000003.db");
  expect_readings(2);
  live(2);
  expect_readings(4);
}

TEST_F(ReadingsRecovery, leftovers_of_deleted_segments_are_removed) {
  live(2);
  const auto orphan = folder_.path() + "/journal-00000000000000000099.db-wal";
  std::ofstream(orphan) << "left over";
  expect_readings(2);
  EXPECT_FALSE(fs::exists(orphan));
}

TEST_F(ReadingsRecovery, what_a_failed_commit_left_behind_yields_to_the_next_file) {
  live(2);
  live(2);
  // As if commit 3 had failed in the first file, come back with a crash, and been stored again in the second.
  run_sql(segments()[0], "INSERT INTO journal SELECT 3, committed_at, crc32, body FROM journal WHERE number = 2");
  expect_readings(4);
}

TEST_F(ReadingsRecovery, damaged_chunk_fails_the_query_and_not_the_hub) {
  options_.tail_max_bytes = 1;
  live(1);
  auto store = open();
  ASSERT_TRUE(store) << store.error().detail;
  fakes::ReadingsClient client(**store);
  const auto deadline = std::chrono::steady_clock::now() + fakes::kReplyDeadline;
  while ((*store)->status().sealed_through < 1 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  store->reset();
  run_sql(recent(), "UPDATE chunk SET payload = CAST(payload || x'00' AS BLOB)");
  store = open();
  ASSERT_TRUE(store) << store.error().detail;
  const auto page = fakes::ReadingsClient(**store).raw({SeriesId{1}, 0, kStart * 2, 10, std::nullopt});
  ASSERT_FALSE(page);
  EXPECT_EQ(hub::to_errc(page.error()), errc::storage_damaged);
  EXPECT_TRUE(fakes::ReadingsClient(**store).latest({SeriesId{1}}));
}

TEST_F(ReadingsRecovery, bucket_that_is_written_again_and_again_keeps_few_parts_and_its_order) {
  options_.tail_max_bytes = 1;  // a seal a commit
  {
    auto store = open();
    ASSERT_TRUE(store) << store.error().detail;
    fakes::ReadingsClient client(**store);
    for (std::uint64_t n = 1; n <= 300; ++n) {
      auto frame = fakes::number_frame(fakes::stream_of("a"), n, SeriesId{1}, {kStart, kStart + 1},
                                       {static_cast<double>(n), 0.5});
      frame.flags = n % 3 == 0 ? std::uint32_t{hub::kBackfilled} : 0u;
      ASSERT_TRUE(client.append(frame));
      const auto deadline = std::chrono::steady_clock::now() + fakes::kReplyDeadline;
      while ((*store)->status().sealed_through < n && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    }
    const auto page = client.raw({SeriesId{1}, kStart, kStart + 1, 1'000, std::nullopt});
    ASSERT_TRUE(page);
    const auto& values = std::get<0>(page->values);
    ASSERT_EQ(values.size(), 300u);
    EXPECT_TRUE(std::is_sorted(values.begin(), values.end())) << "in order of storing";
    const auto buckets = client.buckets({SeriesId{1}, kStart - 5, kStart + 5, 2});
    ASSERT_TRUE(buckets);
    EXPECT_EQ(buckets->count, (std::vector<std::uint32_t>{600}));
    EXPECT_EQ(std::get<0>(buckets->first), (std::vector<double>{1}));
  }
  auto db = Database::open(recent());
  ASSERT_TRUE(db);
  auto count = db->prepare("SELECT count(*), sum(count) FROM chunk");
  ASSERT_TRUE(count);
  ASSERT_TRUE(count->step());
  EXPECT_LT(count->integer(0), 200);
  EXPECT_EQ(count->integer(1), 600);
}

}  // namespace
