#include "hub/core/duration.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace hub {
namespace {

TEST(Duration, units_are_read) {
  EXPECT_EQ(parse_duration("0s"), 0);
  EXPECT_EQ(parse_duration("250ms"), 250'000);
  EXPECT_EQ(parse_duration("7us"), 7);
  EXPECT_EQ(parse_duration("30s"), 30'000'000);
  EXPECT_EQ(parse_duration("5m"), 300'000'000);
  EXPECT_EQ(parse_duration("1h"), 3'600'000'000);
  EXPECT_EQ(parse_duration("7d"), 604'800'000'000);
  EXPECT_EQ(parse_duration("1w"), parse_duration("7d"));
}

TEST(Duration, anything_else_is_refused) {
  for (const char* text : {"", "s", "5", "-5s", "+5s", " 5s", "5 s", "5s ", "1.5h", "5sec", "5S",
                           "99999999999999999999s", "15000w", "0x1s", "1h30m"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, the_largest_dividing_unit_is_written) {
  EXPECT_EQ(format_duration(0), "0s");
  EXPECT_EQ(format_duration(30'000'000), "30s");
  EXPECT_EQ(format_duration(90'000'000), "90s");
  EXPECT_EQ(format_duration(3'600'000'000), "1h");
  EXPECT_EQ(format_duration(604'800'000'000), "7d");
  EXPECT_EQ(format_duration(1'500'000), "1500ms");
  EXPECT_EQ(format_duration(1), "1us");
}

RC_GTEST_PROP(Duration, what_is_written_reads_back, ()) {
  const auto us = *rc::gen::inRange<std::int64_t>(0, (std::int64_t{1} << 53) - 1);
  RC_ASSERT(parse_duration(format_duration(us)) == us);
}

}  // namespace
}  // namespace hub
