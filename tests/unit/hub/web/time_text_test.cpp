#include "hub/web/time_text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>

namespace hub::web {
namespace {

constexpr std::int64_t kNow = 1'795'428'000'000'000;  // 2026-11-23T10:00:00Z

TEST(TimeText, all_forms_of_a_time_are_read) {
  EXPECT_EQ(parse_time("2026-11-23T10:00:00Z", 0), kNow);
  EXPECT_EQ(parse_time("2026-11-23t10:00:00z", 0), kNow);
  EXPECT_EQ(parse_time("2026-11-23 10:00:00Z", 0), kNow);
  EXPECT_EQ(parse_time("2026-11-23T11:00:00+01:00", 0), kNow);
  EXPECT_EQ(parse_time("2026-11-23T11:00:00 01:00", 0), kNow);
  EXPECT_EQ(parse_time("2026-11-23T04:30:00-05:30", 0), kNow);
  EXPECT_EQ(parse_time("2026-11-23T10:00:00.5Z", 0), kNow + 500'000);
  EXPECT_EQ(parse_time("2026-11-23T10:00:00.1234567899Z", 0), kNow + 123'456);
  EXPECT_EQ(parse_time("1969-12-31T23:59:59Z", 0), -1'000'000);
  EXPECT_EQ(parse_time("1795428000000000", 0), kNow);
  EXPECT_EQ(parse_time("0", kNow), 0);
  EXPECT_EQ(parse_time("now", kNow), kNow);
  EXPECT_EQ(parse_time("-1h", kNow), kNow - 3'600'000'000);
  EXPECT_EQ(parse_time("-30m", kNow), kNow - 1'800'000'000);
  EXPECT_EQ(parse_time("-15s", kNow), kNow - 15'000'000);
  EXPECT_EQ(parse_time("-7d", kNow), kNow - 7 * 86'400'000'000);
  EXPECT_EQ(parse_time("-250ms", kNow), kNow - 250'000);
  EXPECT_EQ(parse_time("+5m", kNow), kNow + 300'000'000);
}

TEST(TimeText, what_is_no_time_is_refused) {
  for (const auto* text : {"",
                           " ",
                           "soon",
                           "-",
                           "-h",
                           "-1",
                           "-1y",
                           "1h",
                           "1.5",
                           "2026-11-23",
                           "2026-11-23T10:00:00",
                           "2026-13-01T00:00:00Z",
                           "2026-02-30T00:00:00Z",
                           "2026-11-23T24:00:00Z",
                           "2026-11-23T10:60:00Z",
                           "2026-11-23T10:00:00.Z",
                           "2026-11-23T10:00:00+1:00",
                           "2026-11-23T10:00:00Zx",
                           "99999999999999999999",
                           "9007199254740993",
                           "-999999999999d",
                           "now ",
                           "-1h "}) {
    EXPECT_FALSE(parse_time(text, kNow)) << text;
  }
}

RC_GTEST_PROP(TimeTextProperty, a_date_is_the_day_it_names, ()) {
  const auto day = *rc::gen::inRange<int>(-98'000, 84'000);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT00:00:00Z", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  RC_ASSERT(parse_time(text, 0) == std::int64_t{day} * 86'400'000'000);
}

}  // namespace
}  // namespace hub::web
