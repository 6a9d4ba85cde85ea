#include "device-agent/link/back_off.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/fakes/fixed_random.h"

namespace agent {
namespace {

TEST(BackOff, jitter_is_full_from_nothing_to_a_doubling_limit_of_a_minute) {
  fakes::FixedRandom least(0x00), most(0xff);
  const double limits_s[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
  for (int attempt = 0; attempt < 9; ++attempt) {
    EXPECT_EQ(back_off_us(attempt, least), 0);
    const std::int64_t longest = back_off_us(attempt, most);
    EXPECT_LE(longest, static_cast<std::int64_t>(limits_s[attempt] * 1e6));
    EXPECT_GT(longest, static_cast<std::int64_t>(limits_s[attempt] * 1e6 * 0.999));
  }
  for (const int attempt : {63, 64, 1'000, std::numeric_limits<int>::max()}) {
    EXPECT_LE(back_off_us(attempt, most), 60'000'000);
    EXPECT_GT(back_off_us(attempt, most), 59'000'000);
  }
}

TEST(BackOff, a_fleet_spreads_evenly) {
  base::SeededRandom random(7);
  int tenths[10] = {};
  for (int i = 0; i < 10'000; ++i) ++tenths[std::min<std::int64_t>(back_off_us(3, random) / 800'000, 9)];
  for (const int n : tenths) EXPECT_NEAR(n, 1'000, 150);
}

TEST(BackOff, a_close_code_says_when_to_come_back) {
  for (const int code : {4000, 4001, 4003, 4099}) {
    EXPECT_EQ(retry_after_close(static_cast<std::uint16_t>(code)), Retry::never) << code;
  }
  for (const int code : {0, 1000, 1001, 1006, 1009, 1012, 3999, 4100, 4102, 4199, 4300}) {
    EXPECT_EQ(retry_after_close(static_cast<std::uint16_t>(code)), Retry::back_off) << code;
  }
  for (const int code : {4200, 4201, 4203, 4299}) {
    EXPECT_EQ(retry_after_close(static_cast<std::uint16_t>(code)), Retry::now) << code;
  }
}

TEST(BackOff, only_a_session_that_lasted_begins_anew) {
  fakes::FixedRandom most(0xff);
  BackOff back_off;
  for (int i = 0; i < 20; ++i) (void)back_off.next_us(Retry::back_off, 0, most);
  back_off.session_lasted(BackOff::kLastedUs - 1);
  EXPECT_GT(back_off.next_us(Retry::now, 0, most), 59'000'000);
  back_off.session_lasted(BackOff::kLastedUs);
  EXPECT_LE(back_off.next_us(Retry::now, 0, most), 1'000'000);
}

TEST(BackOff, the_hub_s_hint_is_the_least_and_an_hour_the_most) {
  fakes::FixedRandom least(0x00), most(0xff);
  BackOff back_off;
  EXPECT_EQ(back_off.next_us(Retry::back_off, 120'000'000, least), 120'000'000);
  EXPECT_GT(back_off.next_us(Retry::back_off, 120'000'000, most), 149'000'000) << "spread, since others were told too";
  EXPECT_EQ(back_off.next_us(Retry::now, INT64_MAX, least), BackOff::kLongestHintUs);
  EXPECT_EQ(back_off.next_us(Retry::back_off, INT64_MIN, least), 0);
  EXPECT_EQ(back_off.next_us(Retry::never, 0, least), BackOff::kLongestHintUs);
}

}  // namespace
}  // namespace agent
