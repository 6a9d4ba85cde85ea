#include "hub/ingest/device_pace.h"

#include <gtest/gtest.h>

namespace hub {
namespace {

TEST(DevicePace, ten_seconds_at_once_then_the_rate) {
  DevicePace pace(100, 1e9, 0);
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(pace.take(10, 0), 0) << i;
  EXPECT_EQ(pace.take(10, 0), 0) << "one message owed is 10 ms, below the least rest";
  EXPECT_EQ(pace.take(10, 0), 20'000);
  EXPECT_EQ(pace.take(10, 20'000), 0);
  std::int64_t now_us = 20'000;
  int taken = 0;
  while (now_us < 10'020'000) {
    now_us += pace.take(10, now_us);
    ++taken;
  }
  EXPECT_NEAR(taken, 1'000, 5);
}

TEST(DevicePace, bytes_count_as_well) {
  DevicePace pace(1e6, 1'000, 0);
  EXPECT_EQ(pace.take(10'000, 0), 0);
  EXPECT_EQ(pace.take(500, 0), 500'000);
  EXPECT_EQ(pace.take(0, 500'000), 0);
}

TEST(DevicePace, silence_is_not_saved_beyond_what_comes_at_once) {
  DevicePace pace(100, 1e9, 0);
  EXPECT_EQ(pace.take(1, 3'600'000'000), 0);
  int taken = 1;
  while (pace.take(1, 3'600'000'000) == 0) ++taken;
  EXPECT_NEAR(taken, 1'000, 3);
}

}  // namespace
}  // namespace hub
