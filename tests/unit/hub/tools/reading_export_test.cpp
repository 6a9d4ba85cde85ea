// Exports: every reading and gap once, however often it was interrupted.
#include "hub/tools/reading_export.h"

#include "hub/tools/reading_query.h"
#include "tests/unit/hub/tools/tools_fixture.h"

namespace {

using hub::tools::export_readings;
using hub::tools::ExportWish;
using hub::tools::RecordFormat;

class Exporting : public tools_test::Tools {
 protected:
  ExportWish wish(RecordFormat format = RecordFormat::csv) {
    ExportWish wish;
    wish.folder = folder_.path();
    wish.format = format;
    wish.from_us = 0;
    wish.to_us = 2 * tools_test::kDay0;
    wish.output = elsewhere_.path() + "/out";
    return wish;
  }
  static std::size_t lines(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  const std::atomic<bool> go_on_{false};
};

TEST_F(Exporting, csv_quotes_what_must_be_and_carries_gaps) {
  fill();
  const auto done = export_readings(wish(), go_on_, [](double, const std::string&) {});
  ASSERT_TRUE(done) << done.error().detail;
  EXPECT_TRUE(done->is_complete);
  EXPECT_EQ(done->readings, 1'440u * 2 + 4);
  EXPECT_EQ(done->gaps, 1u);
  const std::string text = text_of(wish().output);
  EXPECT_EQ(lines(text), 1 + done->readings + done->gaps);
  EXPECT_EQ(text.find("time,device,series,unit,value,gap_until,gap_count,gap_reason\r\n"), 0u);
  EXPECT_NE(text.find("\r\n2023-11-14T00:01:00.000000Z,greenhouse,temperature,Cel,1,,,\r\n"), std::string::npos);
  EXPECT_NE(text.find("\r\n2023-11-15T00:00:00.000010Z,cellar,\"state, of door\",,\"open, \"\"wide\"\"\",,,\r\n"),
            std::string::npos);
  EXPECT_NE(text.find("\r\n2023-11-15T00:00:00.000020Z,cellar,,,,2023-11-15T00:00:00.000030Z,3,spool_full\r\n"),
            std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(wish().output + ".cursor"));
}

TEST_F(Exporting, ndjson_is_an_object_a_line) {
  fill();
  auto json = wish(RecordFormat::ndjson);
  json.selection = {{"cellar"}, {"state*"}};
  ASSERT_TRUE(export_readings(json, go_on_, [](double, const std::string&) {}));
  EXPECT_EQ(
      text_of(json.output),
      "{\"gap\":{\"device\":\"cellar\",\"series\":null,\"from\":\"2023-11-15T00:00:00.000020Z\",\"to\":"
      "\"2023-11-15T00:00:00.000030Z\",\"count\":3,\"at_most\":false,\"reason\":\"spool_full\",\"reported_by\":"
      "\"device\"}}\n"
      "{\"time\":\"2023-11-15T00:00:00.000010Z\",\"device\":\"cellar\",\"series\":\"state, of door\",\"unit\":\"\","
      "\"value\":\"open, \\\"wide\\\"\"}\n");
}

TEST_F(Exporting, interrupted_at_every_page_it_ends_up_the_same) {
  open();
  std::vector<std::int64_t> times;
  std::vector<double> values;
  for (int i = 0; i < 130'000; ++i) {
    times.push_back(tools_test::kDay0 + i * 1'000);
    values.push_back(i);
  }
  put(times, values);
  put(times, values, hub::SeriesId{8});
  auto whole = wish();
  whole.output += "-whole";
  ASSERT_TRUE(export_readings(whole, go_on_, [](double, const std::string&) {}));
  std::atomic<bool> stop{false};
  auto parts = wish();
  int runs = 0;
  for (bool complete = false; !complete; ++runs) {
    ASSERT_LT(runs, 20);
    stop = false;
    parts.resume = runs > 0;
    // Each run writes one page, and dies with half of the next behind it.
    const auto done = export_readings(parts, stop, [&](double, const std::string&) { stop = true; });
    ASSERT_TRUE(done) << done.error().detail;
    complete = done->is_complete;
    if (!complete) std::ofstream(parts.output, std::ios::app | std::ios::binary) << "half a li";
  }
  EXPECT_GT(runs, 4);
  EXPECT_EQ(text_of(parts.output), text_of(whole.output));
}

TEST_F(Exporting, refuses_cursors_of_others_and_files_that_are_there) {
  fill();
  const auto nothing = [](double, const std::string&) {};
  ASSERT_TRUE(export_readings(wish(), go_on_, nothing));
  EXPECT_EQ(export_readings(wish(), go_on_, nothing).error().code, hub::errc::conflict);
  auto resumed = wish();
  resumed.resume = true;
  EXPECT_EQ(export_readings(resumed, go_on_, nothing).error().code, hub::errc::not_found);
  auto elsewhere = wish();
  elsewhere.output.clear();
  elsewhere.cursor = "nonsense";
  EXPECT_EQ(export_readings(elsewhere, go_on_, nothing).error().code, hub::errc::invalid_argument);
  auto unknown = wish();
  unknown.output += "2";
  unknown.selection.devices = {"attic"};
  const auto refused = export_readings(unknown, go_on_, nothing);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("attic"), std::string::npos);
  EXPECT_NE(refused.error().detail.find("greenhouse"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(unknown.output));
}

TEST_F(Exporting, query_prints_readings_and_exact_buckets) {
  fill();
  const auto print = [&](hub::tools::QueryWish query) {
    query.folder = folder_.path();
    query.from_us = tools_test::kDay0 - tools_test::kOneDayUs;
    query.to_us = tools_test::kDay0;
    query.selection = {{"greenhouse"}, {"temperature"}};
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* out = open_memstream(&text, &size);
    const auto problem = hub::tools::print_readings(query, out);
    EXPECT_FALSE(problem);
    std::fclose(out);
    std::string printed(text, size);
    free(text);
    return printed;
  };
  hub::tools::QueryWish query;
  query.limit = 2;
  EXPECT_EQ(print(query),
            "greenhouse  temperature  [Cel]\n2023-11-14T00:00:00.000000Z  0\n2023-11-14T00:01:00.000000Z  1\n");
  query.width = 2;
  const auto buckets = print(query);
  EXPECT_NE(buckets.find("2023-11-14T00:00:00.000000Z  720  0  359.5  719\n"), std::string::npos) << buckets;
  EXPECT_NE(buckets.find("2023-11-14T12:00:00.000000Z  720  720  1079.5  1439\n"), std::string::npos) << buckets;
}

}  // namespace
