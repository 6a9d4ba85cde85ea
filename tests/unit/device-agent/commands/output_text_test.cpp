#include "device-agent/commands/output_text.h"

#include <gtest/gtest.h>

namespace agent {
namespace {

TEST(OutputText, characters_that_come_in_halves_are_whole) {
  OutputText text;
  text.add("gr\xc3");
  EXPECT_EQ(text.take(false), "gr");
  text.add("\xbc\xe2\x82");
  EXPECT_EQ(text.take(false), "ü");
  text.add("\xac!");
  EXPECT_EQ(text.take(false), "€!");
}

TEST(OutputText, what_is_no_text_is_replaced) {
  OutputText text;
  text.add(
      "a\xff"
      "b\xc0\xaf\xed\xa0\x80"
      "c");
  const std::string out = text.take(false);
  EXPECT_EQ(out.find('\xff'), std::string::npos);
  EXPECT_EQ(out.front(), 'a');
  EXPECT_EQ(out.back(), 'c');
  text.add("half\xf0\x9f");
  EXPECT_EQ(text.take(false), "half");
  EXPECT_EQ(text.take(true), "\xef\xbf\xbd");
}

TEST(OutputText, progress_lines_are_understood_and_stay) {
  OutputText text;
  text.add("progress 10\nwork\nprog");
  EXPECT_EQ(text.progress_percent(), 10u);
  text.add("ress 45%\n");
  EXPECT_EQ(text.progress_percent(), 45u);
  text.add("progress 30\nprogress 101\nprogress x\nno progress 99\nprogress 50 things\n" + std::string(5'000, 'x'));
  EXPECT_EQ(text.progress_percent(), 45u);
  EXPECT_EQ(text.take(true).rfind("progress 10\nwork\nprogress 45%\n", 0), 0u);
}

}  // namespace
}  // namespace agent
