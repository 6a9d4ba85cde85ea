#include "hub/devices/series_pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace hub {
namespace {

TEST(SeriesPattern, without_a_star_only_itself) {
  EXPECT_TRUE(matches_pattern("cpu.load", "cpu.load"));
  EXPECT_FALSE(matches_pattern("cpu.load", "cpu.loads"));
  EXPECT_FALSE(matches_pattern("cpu.load", "cpu-load"));
  EXPECT_FALSE(matches_pattern("", "a"));
  EXPECT_TRUE(matches_pattern("", ""));
}

TEST(SeriesPattern, star_is_any_run_also_none) {
  EXPECT_TRUE(matches_pattern("*", ""));
  EXPECT_TRUE(matches_pattern("*", "anything"));
  EXPECT_TRUE(matches_pattern("cpu.*", "cpu."));
  EXPECT_TRUE(matches_pattern("*.load", "cpu.load"));
  EXPECT_TRUE(matches_pattern("a*b*c", "a-b-b-c"));
  EXPECT_TRUE(matches_pattern("*ab", "aaab"));
  EXPECT_FALSE(matches_pattern("a*b*c", "a-c-b"));
  EXPECT_FALSE(matches_pattern("cpu.*", "gpu.load"));
}

TEST(SeriesPattern, many_stars_end_soon) {
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "a*";
  EXPECT_FALSE(matches_pattern(pattern + "b", std::string(128, 'a')));
}

}  // namespace
}  // namespace hub
