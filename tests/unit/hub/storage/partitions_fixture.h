// A store over a folder whose days can be ended, for tests of partitions.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "hub/storage/sqlite/partition_name.h"
#include "hub/storage/sqlite/sqlite_readings_store.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/readings_client.h"
#include "tests/fakes/temp_folder.h"

namespace partitions_test {

using hub::SeriesId;

inline constexpr std::int64_t kSecondUs = 1'000'000;
inline constexpr std::int64_t kDay0 = 1'700'006'400 * kSecondUs;  // 2023-11-15T00:00:00Z
inline constexpr std::int64_t kOneDayUs = 86'400 * kSecondUs;
inline constexpr hub::SeriesId kSeries{7};

/// Every commit is sealed at once; days end when the test says so.
class Partitions : public testing::Test {
 protected:
  Partitions() {
    options_.folder = folder_.path();
    options_.commit_window_us = 0;
    options_.low_water_bytes = 1;
    options_.tail_max_bytes = 1;
    options_.query_limit_us = 1'000 * kOneDayUs;  // days pass while queries run
  }

  void open() {
    store_.reset();
    auto store = hub::sqlite::open_readings_store(options_, clock_, random_);
    ASSERT_TRUE(store) << store.error().detail;
    store_ = std::move(*store);
  }
  fakes::ReadingsClient client() { return fakes::ReadingsClient(*store_); }

  /// One frame, sealed when this returns.
  void put(std::vector<std::int64_t> times_us, std::vector<double> values, SeriesId series = kSeries,
           std::uint32_t flags = 0) {
    auto frame =
        fakes::number_frame(fakes::stream_of("a"), ++sequence_, series, std::move(times_us), std::move(values));
    frame.flags = flags;
    const auto stored = client().append(std::move(frame));
    ASSERT_TRUE(stored) << stored.error().message();
    wait_until([&] { return store_->status().sealed_through >= stored->commit; });
  }
  /// A reading a minute for a whole day; the value is the minute.
  void put_day(std::int64_t day_us, SeriesId series = kSeries) {
    std::vector<std::int64_t> times;
    std::vector<double> values;
    for (int minute = 0; minute < 1'440; ++minute) {
      times.push_back(day_us + minute * 60 * kSecondUs);
      values.push_back(minute);
    }
    put(times, values, series);
  }
  /// Lets `days` pass, and waits until nothing that is over waits to be compacted.
  void end_days(int days) {
    clock_.advance(days * kOneDayUs);
    settle();
  }
  void settle() {
    // A seal of something that does not matter makes the keeper look, after the clock has moved.
    put({clock_.now_us()}, {0}, SeriesId{999'999});
    const auto sealed = store_->status().sealed_through;
    wait_until([&] { return store_->status().compacted_through >= sealed; });
  }

  std::vector<double> raw(std::int64_t from_us = 0, std::int64_t to_us = 2 * kDay0, SeriesId series = kSeries) {
    std::vector<double> values;
    std::optional<std::string> cursor;
    do {
      const auto page = client().raw({series, from_us, to_us, 1'000, cursor});
      EXPECT_TRUE(page) << page.error().message();
      if (!page || page->times_us.empty()) break;
      const auto& numbers = std::get<0>(page->values);
      values.insert(values.end(), numbers.begin(), numbers.end());
      cursor = page->next;
    } while (cursor);
    return values;
  }

  std::vector<std::string> files() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() + "/partitions"))
      found.push_back(entry.path().filename().string());
    std::sort(found.begin(), found.end());
    return found;
  }
  std::string path_of(const std::string& file) const { return folder_.path() + "/partitions/" + file; }

  static void wait_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + fakes::kReplyDeadline;
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "waited in vain";
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  fakes::TempFolder folder_;
  fakes::ManualClock clock_{kDay0 + kOneDayUs / 2};
  base::SeededRandom random_{1};
  hub::sqlite::ReadingsOptions options_;
  std::unique_ptr<hub::ReadingsStore> store_;
  std::uint64_t sequence_ = 0;
};

}  // namespace partitions_test
