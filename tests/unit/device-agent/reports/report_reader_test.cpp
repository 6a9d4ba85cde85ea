#include "device-agent/reports/report_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

namespace agent {
namespace {

/// "name=value unit @time" of each report.
std::vector<std::string> told(const ReadReports& read) {
  std::vector<std::string> out;
  for (const auto& r : read.reports) {
    std::string text = r.name + "=";
    if (const auto* number = std::get_if<double>(&r.value)) {
      char digits[32];
      std::snprintf(digits, sizeof digits, "%g", *number);
      text += digits;
    } else if (const auto* flag = std::get_if<bool>(&r.value)) {
      text += *flag ? "true" : "false";
    } else {
      text += "'" + std::get<std::string>(r.value) + "'";
    }
    if (!r.unit.empty()) text += " " + r.unit;
    if (r.wall_us) text += " @" + std::to_string(*r.wall_us);
    out.push_back(text);
  }
  return out;
}

using Told = std::vector<std::string>;
constexpr auto kInflux = ReportFormat::influx;
constexpr auto kJson = ReportFormat::json;
constexpr auto kPlain = ReportFormat::plain;
constexpr auto kPrometheus = ReportFormat::prometheus;

TEST(InfluxLines, every_type_tag_time_and_escape) {
  EXPECT_EQ(told(read_reports(kInflux, "tank level=3.2,pump=t,state=\"half \\\"full\\\"\",count=7i,all=8u\n")),
            (Told{"tank.level=3.2", "tank.pump=true", "tank.state='half \"full\"'", "tank.count=7", "tank.all=8"}));
  EXPECT_EQ(told(read_reports(kInflux, "tank,site=north,no=2 value=1e3 1700000000123456789")),
            Told{"tank.no:2.site:north=1000 @1700000000123456"});
  EXPECT_EQ(told(read_reports(kInflux, "my\\ tank\\,x,a\\=b=c\\ d f\\ g=-1i")), Told{"my tank,x.a=b:c d.f g=-1"});
  EXPECT_EQ(told(read_reports(kInflux, "# a comment\n\n  \nx v=1\r\n")), Told{"x.v=1"});
  EXPECT_EQ(told(read_reports(kInflux, "x a=\"b, c=d\",e=F")), (Told{"x.a='b, c=d'", "x.e=false"}));
}

TEST(InfluxLines, a_bad_line_is_named_and_costs_only_itself) {
  const struct {
    const char *line, *words;
  } wrong[] = {{"tank", "no field=value stands behind \"tank\""},
               {"tank level", "expected field=value"},
               {"tank level=", "no number"},
               {"tank level=nan", "no number"},
               {"tank level=1e999", "no number"},
               {"tank level=99999999999999999999i", "no number"},
               {"tank level=-1u", "no number"},
               {"tank level=\"open", "no closing quote"},
               {"tank level=1 soon", "no time in nanoseconds"},
               {"tank level=1 -5", "no time in nanoseconds"},
               {"tank,site level=1", "no tag=value"},
               {"tank,site= level=1", "has no value"},
               {",site=a level=1", "no measurement"},
               {"tank level=\"x\"y", "stands behind a value"},
               {"tank level=1,,b=2", "expected field=value"}};
  for (const auto& w : wrong) {
    const auto read = read_reports(kInflux, "a v=1\n" + std::string(w.line) + "\nb v=2\n");
    EXPECT_EQ(told(read), (Told{"a.v=1", "b.v=2"})) << w.line;
    EXPECT_EQ(read.bad_lines, 1u) << w.line;
    EXPECT_THAT(read.problem, testing::StartsWith("line 2: ")) << w.line;
    EXPECT_THAT(read.problem, testing::HasSubstr(w.words)) << w.line;
  }
}

TEST(JsonReports, named_flat_nested_and_listed) {
  EXPECT_EQ(told(read_reports(kJson, R"({"name":"tank","value":3.2,"unit":"m","time":1700000000.5})")),
            Told{"tank=3.2 m @1700000000500000"});
  EXPECT_EQ(told(read_reports(kJson, R"({"temp":21.5,"door":true,"room":{"co2":400,"who":["a"]},"none":null})")),
            (Told{"temp=21.5", "door=true", "room.co2=400", "room.who.0='a'"}));
  EXPECT_EQ(told(read_reports(kJson, "{\"a\":1}\n{\"a\":2,\"time\":\"2023-11-14T22:13:20Z\"}\n")),
            (Told{"a=1", "a=2 @1700000000000000"}));
  EXPECT_EQ(told(read_reports(kJson, "[\n {\"name\":\"a\",\"value\":false},\n {\"b\":2}\n]\n")),
            (Told{"a=false", "b=2"}));
}

TEST(JsonReports, a_bad_line_is_named_and_costs_only_itself) {
  const struct {
    const char *line, *words;
  } wrong[] = {{"{\"a\":", "is not JSON"},
               {"17", "must be an object"},
               {"{\"name\":\"a\",\"value\":{}}", "value must be"},
               {"{\"name\":\"a\",\"value\":1,\"colour\":2}", "\"colour\" stands beside"},
               {"{\"name\":\"\",\"value\":1}", "name is empty"},
               {"{\"a\":1,\"time\":\"soon\"}", "time must be"},
               {"{\"a\":1,\"time\":-3}", "time must be"},
               {"[1]", "list must be of objects"}};
  for (const auto& w : wrong) {
    const auto read = read_reports(kJson, "{\"x\":1}\n" + std::string(w.line) + "\n{\"y\":2}\n");
    EXPECT_EQ(told(read), (Told{"x=1", "y=2"})) << w.line;
    EXPECT_EQ(read.bad_lines, 1u) << w.line;
    EXPECT_THAT(read.problem, testing::StartsWith("line 2: ")) << w.line;
    EXPECT_THAT(read.problem, testing::HasSubstr(w.words)) << w.line;
  }
}

TEST(PrometheusLines, what_node_exporter_s_textfile_scripts_write) {
  const auto read = read_reports(kPrometheus, R"(# HELP apt_upgrades_pending Apt packages pending updates by origin.
# TYPE apt_upgrades_pending gauge
apt_upgrades_pending{origin="Debian:12/stable",arch="all"} 3
node_reboot_required 0
disk_temp_celsius{disk="sda",} 34.0 1700000000123
request_bucket{le="+Inf"} 12
read_bytes_total 1e6 # {trace="x"} 1
label_escapes{a="q\"\\n"} 1
)");
  EXPECT_EQ(told(read), (Told{"apt_upgrades_pending.arch:all.origin:Debian:12/stable=3", "node_reboot_required=0",
                              "disk_temp_celsius.disk:sda=34 Cel @1700000000123000", "request_bucket.le:+Inf=12",
                              "read_bytes_total=1e+06 By", "label_escapes.a:q\"\\n=1"}));
  EXPECT_EQ(read.bad_lines, 0u) << read.problem;
  for (const char* wrong :
       {"x", "x NaN", "x +Inf", "x{a} 1", "x{a=1} 1", "x{a=\"b} 1", "x{a=\"b\" 1", "1x 2", "x 1 y"}) {
    const auto bad = read_reports(kPrometheus, "a 1\n" + std::string(wrong) + "\nb 2\n");
    EXPECT_EQ(told(bad), (Told{"a=1", "b=2"})) << wrong;
    EXPECT_THAT(bad.problem, testing::StartsWith("line 2: ")) << wrong;
  }
}

TEST(PlainValues, the_first_line_counts) {
  EXPECT_EQ(told(read_reports(kPlain, "\n 21.5 \n\n")), Told{"=21.5"});
  EXPECT_EQ(told(read_reports(kPlain, "half full")), Told{"='half full'"});
  const auto two = read_reports(kPlain, "1\n2\n3\n");
  EXPECT_EQ(told(two), Told{"=1"});
  EXPECT_EQ(two.bad_lines, 2u);
  EXPECT_THAT(two.all_problems(), testing::HasSubstr("line 2: more than one value"));
}

TEST(ReportReader, lines_come_in_pieces_and_too_long_ones_are_thrown_away) {
  ReportReader reader(kInflux);
  ReadReports read;
  for (const char c : std::string("a v=1\nb v=2")) reader.feed({&c, 1}, read);
  EXPECT_EQ(told(read), Told{"a.v=1"});
  EXPECT_FALSE(reader.is_between_lines());
  const std::string much(50'000, 'x');
  reader.feed(much, read);
  reader.feed(much, read);
  reader.feed(much, read);
  reader.feed("\nc v=3\nd v=4", read);
  reader.end(read);
  EXPECT_EQ(told(read), (Told{"a.v=1", "c.v=3", "d.v=4"}));
  EXPECT_EQ(read.bad_lines, 1u);
  EXPECT_EQ(read.problem, "line 2: longer than 64 KiB");
  EXPECT_EQ(read.lines, (std::vector<std::uint32_t>{1, 3, 4}));
}

void check_sane(const ReadReports& read) {
  RC_ASSERT(read.lines.size() == read.reports.size());
  for (const auto& report : read.reports) {
    if (const auto* number = std::get_if<double>(&report.value)) RC_ASSERT(std::isfinite(*number));
    if (const auto* text = std::get_if<std::string>(&report.value)) RC_ASSERT(text->size() <= 1'024u);
    if (report.wall_us) RC_ASSERT(*report.wall_us >= 0);
  }
}

RC_GTEST_PROP(ReportReader, any_bytes_are_safe_in_every_format, (const std::string& bytes)) {
  for (const auto format : {kPlain, kInflux, kJson, kPrometheus}) check_sane(read_reports(format, bytes));
}

/// Text that is nearly right: pieces of every format in any order.
RC_GTEST_PROP(ReportReader, pieces_of_the_formats_in_any_order_are_safe, ()) {
  const auto piece =
      rc::gen::element<std::string>("tank", ",", "=", " ", "\\", "\"", "\n", "{", "}", "[", "]", ":", "\"name\"",
                                    "\"value\"", "\"time\"", "1", "-1i", "2u", "1e308", "1e999", "nan", "true", "t",
                                    "#", "\t", "\r", "1700000000000000000", "null", "\xff", "\xe6\xb8", ".", "le");
  const auto pieces = *rc::gen::container<std::vector<std::string>>(piece);
  std::string text;
  for (const auto& p : pieces) text += p;
  for (const auto format : {kPlain, kInflux, kJson, kPrometheus}) {
    const auto whole = read_reports(format, text);
    check_sane(whole);
    if (format != kInflux && format != kPrometheus) continue;
    // In pieces it says the same.
    ReportReader reader(format);
    ReadReports read;
    for (const auto& p : pieces) reader.feed(p, read);
    reader.end(read);
    RC_ASSERT(told(read) == told(whole));
    RC_ASSERT(read.bad_lines == whole.bad_lines);
  }
}

RC_GTEST_PROP(ReportReader, a_number_in_line_protocol_comes_back_as_it_was, (double number)) {
  RC_PRE(std::isfinite(number));
  char digits[64];
  std::snprintf(digits, sizeof digits, "x v=%.17g", number);
  const auto read = read_reports(kInflux, digits);
  RC_ASSERT(read.reports.size() == 1u);
  RC_ASSERT(std::get<double>(read.reports[0].value) == number);
}

}  // namespace
}  // namespace agent
