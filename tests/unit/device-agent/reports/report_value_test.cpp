#include "device-agent/reports/report_value.h"

#include <gtest/gtest.h>

#include "device-agent/reports/report_name.h"

namespace agent {
namespace {

TEST(ReportValue, times_are_seconds_or_rfc_3339) {
  EXPECT_EQ(time_of_text("1700000000"), 1'700'000'000'000'000);
  EXPECT_EQ(time_of_text("1700000000.25"), 1'700'000'000'250'000);
  EXPECT_EQ(time_of_text("2023-11-14T22:13:20Z"), 1'700'000'000'000'000);
  EXPECT_EQ(time_of_text("2023-11-15T00:13:20.5+02:00"), 1'700'000'000'500'000);
  EXPECT_EQ(time_of_text("2023-11-14 20:13:20-02:00"), 1'700'000'000'000'000);
  for (const char* wrong : {"", "now", "-5", "1e99", "nan", "2023-02-30T00:00:00Z", "2023-11-14", "2023-11-14T22:13:20",
                            "2023-11-14T22:13:20.Z", "2023-11-14T25:13:20Z", "2023-11-14T22:13:20Zx"}) {
    EXPECT_EQ(time_of_text(wrong), std::nullopt) << wrong;
  }
}

TEST(ReportValue, a_plain_word_is_a_number_a_boolean_or_a_text) {
  EXPECT_EQ(plain_value("-21.5"), Value(-21.5));
  EXPECT_EQ(plain_value("+3"), Value(3.0));
  EXPECT_EQ(plain_value("true"), Value(true));
  EXPECT_EQ(plain_value("false"), Value(false));
  EXPECT_EQ(plain_value("21 °C"), Value(std::string("21 °C")));
  EXPECT_EQ(plain_value("nan"), std::nullopt);
  EXPECT_EQ(plain_value("-inf"), std::nullopt);
  EXPECT_EQ(plain_value("1e999"), std::nullopt);
  EXPECT_EQ(plain_value(std::string(1'025, 'x')), std::nullopt);
  EXPECT_EQ(plain_value("\xff\xfe"), std::nullopt);
  EXPECT_EQ(plain_value("a\x01"), std::nullopt);
}

TEST(ReportValue, only_utf_8_is_a_text) {
  EXPECT_TRUE(is_storable_text("grün 温度 🌡\t"));
  for (const char* wrong :
       {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe6\xb8", "\x80", "\xf8\x88\x80\x80\x80"}) {
    EXPECT_FALSE(is_storable_text(wrong));
  }
}

TEST(ReportName, names_are_made_fit_and_long_ones_stay_apart) {
  EXPECT_EQ(fit_name("a b/c.d:e-f_G"), "a_b_c.d:e-f_G");
  const std::string long_name(200, 'x');
  EXPECT_EQ(fit_name(long_name + "1").size(), 128u);
  EXPECT_NE(fit_name(long_name + "1"), fit_name(long_name + "2"));
  EXPECT_EQ(fit_name(std::string(128, 'y')), std::string(128, 'y'));
}

TEST(ReportName, tags_are_joined_by_key_whatever_their_order) {
  EXPECT_EQ(joined_name("tank", {{"site", "north"}, {"no", "2"}}, "level"), "tank.no:2.site:north.level");
  EXPECT_EQ(joined_name("tank", {}, "value"), "tank");
}

}  // namespace
}  // namespace agent
