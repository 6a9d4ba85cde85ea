// A spool in a folder of its own, and frames for it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "device-agent/spool/frame_builder.h"
#include "device-agent/spool/lost_readings.h"
#include "device-agent/spool/spool.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/temp_folder.h"

namespace agent {

constexpr std::int64_t kSpoolTime = 1'700'000'000'000'000;

inline base::Id128 spool_id(std::uint8_t n) {
  base::Id128 made{};
  made.fill(n);
  return made;
}

/// What a reader of the whole spool gets, stream by stream.
struct SpoolContent {
  std::map<std::uint64_t, std::string> frames;  // of the epoch and lane asked for
  std::set<std::uint64_t> in_gaps;
  std::uint64_t gap_readings = 0;
  int other_gaps = 0;  // of other streams
};

class SpoolFixture : public ::testing::Test {
 protected:
  std::unique_ptr<Spool> open(std::uint8_t epoch) {
    return Spool::open(options, spool_id(epoch), spool_id(99)).value();
  }

  std::string frame(FrameBuilder& builder, std::int64_t start_us, int n = 20) {
    const auto alias = builder.alias("temperature", "Cel", telemetry::v1::VALUE_TYPE_NUMBER, 1'000);
    for (int i = 0; i < n; ++i) builder.add(alias, start_us + i, static_cast<double>(i) + 0.5);
    return builder.close(clock);
  }
  std::vector<std::filesystem::path> files(const std::string& extension = ".spool") {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      if (entry.path().extension() == extension) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  /// Reads every stream to its end; more items than numbers would be a loop.
  SpoolContent content(Spool& spool, std::uint8_t epoch, std::uint8_t lane = 0) {
    SpoolContent all;
    for (const auto& stream : spool.streams()) {
      const bool is_it = stream.epoch == spool_id(epoch) && stream.lane == lane;
      std::uint64_t sequence = stream.first_held;
      for (int i = 0; i < 100'000; ++i) {
        const auto item = spool.read(stream.epoch, stream.lane, sequence);
        if (!item) break;
        EXPECT_GE(item->last, sequence);
        EXPECT_LT(i, 99'999) << "it goes round";
        if (!is_it) {
          all.other_gaps += item->is_gap;
        } else if (item->is_gap) {
          for (auto n = item->first; n <= item->last; ++n) all.in_gaps.insert(n);
          telemetry::v1::GapFrame gap;
          EXPECT_TRUE(gap.ParseFromString(item->bytes));
          EXPECT_GT(gap.gaps_size(), 0);
          for (const auto& record : gap.gaps()) all.gap_readings += record.count();
        } else {
          all.frames[item->first] = item->bytes;
        }
        sequence = item->last + 1;
      }
    }
    return all;
  }

  fakes::TempFolder folder;
  fakes::ManualClock clock{kSpoolTime};
  SpoolOptions options{folder.path()};
};

}  // namespace agent
