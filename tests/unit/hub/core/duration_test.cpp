#include "hub/core/duration.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace hub {
namespace {

TEST(Duration, units_are_read) {
  EXPECT_EQ(duration_from_text("0s"), 0);
  EXPECT_EQ(duration_from_text("250ms"), 250'000);
  EXPECT_EQ(duration_from_text("30s"), 30'000'000);
  EXPECT_EQ(duration_from_text("5m"), 300'000'000);
  EXPECT_EQ(duration_from_text("1h"), 3'600'000'000);
  EXPECT_EQ(duration_from_text("7d"), 604'800'000'000);
}

TEST(Duration, anything_else_is_refused) {
  for (const char* text : {"", "s", "5", "-5s", "+5s", " 5s", "5 s", "5s ", "1.5h", "5sec", "5S",
                           "99999999999999999999s", "0x1s", "1h30m"}) {
    EXPECT_EQ(duration_from_text(text), std::nullopt) << text;
  }
}

TEST(Duration, the_largest_dividing_unit_is_written) {
  EXPECT_EQ(duration_to_text(0), "0s");
  EXPECT_EQ(duration_to_text(30'000'000), "30s");
  EXPECT_EQ(duration_to_text(90'000'000), "90s");
  EXPECT_EQ(duration_to_text(3'600'000'000), "1h");
  EXPECT_EQ(duration_to_text(604'800'000'000), "7d");
  EXPECT_EQ(duration_to_text(1'500'000), "1500ms");
}

RC_GTEST_PROP(Duration, what_is_written_reads_back, ()) {
  const auto us = 1'000 * *rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 43);
  RC_ASSERT(duration_from_text(duration_to_text(us)) == us);
}

}  // namespace
}  // namespace hub
