#include "hub/web/readings_text.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace hub::web {
namespace {

namespace json = boost::json;

ReadingsHead head(ValueType type) {
  ReadingsHead made;
  made.device = "d1";
  made.series = SeriesRecord{SeriesId{7}, DeviceId("d1"), "room \"1\"", "Cel", type, 1000, 2};
  made.revisions = 2;
  made.from_us = 0;
  made.to_us = 100;
  made.as_of = "pos";
  return made;
}

TEST(ReadingsText, raw_numbers_are_rows_and_say_what_they_are) {
  auto around = head(ValueType::number);
  around.gaps.push_back({DeviceId("d1"), SeriesId{7}, 5, 6, 2, true, GapReason::spool_full, "device"});
  around.gaps.push_back({DeviceId("d1"), SeriesId{0}, 5, 6, 2, false, GapReason::restore, "hub"});
  around.next_cursor = "more";
  RawPage page;
  page.type = ValueType::number;
  page.times_us = {1, 9'007'199'254'740'991};
  page.values = std::vector<double>{21.5, 0.1};
  const auto body = json::parse(raw_json(around, page)).as_object();
  EXPECT_EQ(body.at("series"), "room \"1\"");
  EXPECT_EQ(body.at("resolution"), "raw");
  EXPECT_EQ(body.at("revision"), 2);
  EXPECT_EQ(body.at("rows"), json::parse("[[1,21.5],[9007199254740991,0.1]]"));
  EXPECT_EQ(body.at("gaps").as_array()[0],
            json::parse(R"({"device":"d1","series":"room \"1\"","from":5,"to":6,"count":2,
      "at_most":true,"reason":"spool_full","reported_by":"device"})"));
  EXPECT_TRUE(body.at("gaps").as_array()[1].at("series").is_null());
  EXPECT_EQ(body.at("next"), "more");
  EXPECT_EQ(body.at("as_of"), "pos");
}

TEST(ReadingsText, every_type_is_written_as_itself) {
  RawPage page;
  page.times_us = {1};
  page.values = std::vector<std::uint8_t>{1};
  EXPECT_EQ(json::parse(raw_json(head(ValueType::boolean), page)).at("rows"), json::parse("[[1,true]]"));
  page.values = std::vector<std::string>{"a,\"b\""};
  EXPECT_EQ(json::parse(raw_json(head(ValueType::string), page)).at("rows"), json::parse(R"([[1,"a,\"b\""]])"));
  EXPECT_EQ(raw_csv(page), "time,value\r\n1,\"a,\"\"b\"\"\"\r\n");
  page.values = std::vector<Location>{{48.1, 11.5, 520}};
  EXPECT_EQ(json::parse(raw_json(head(ValueType::location), page)).at("rows"), json::parse("[[1,[48.1,11.5,520]]]"));
  EXPECT_EQ(raw_csv(page), "time,value\r\n1,48.1 11.5 520\r\n");
}

TEST(ReadingsText, an_empty_page_is_still_whole) {
  const RawPage page;
  const auto body = json::parse(raw_json(head(ValueType::number), page));
  EXPECT_TRUE(body.at("rows").as_array().empty());
  EXPECT_TRUE(body.at("next").is_null());
  EXPECT_EQ(raw_csv(page), "time,value\r\n");
}

TEST(ReadingsText, buckets_start_where_their_number_says) {
  const BucketQuery query{SeriesId{7}, 0, 100, 3};
  EXPECT_EQ(bucket_start_us(query, 0), 0);
  EXPECT_EQ(bucket_start_us(query, 1), 33);
  EXPECT_EQ(bucket_start_us(query, 2), 66);
  const BucketQuery wide{SeriesId{7}, -(std::int64_t{1} << 53), std::int64_t{1} << 53, 20'000};
  EXPECT_EQ(bucket_start_us(wide, 10'000), 0);
  Buckets buckets;
  buckets.index = {1};
  buckets.count = {2};
  buckets.minimum = {1};
  buckets.maximum = {2.5};
  buckets.sum = {3.5};
  buckets.first = std::vector<double>{1};
  buckets.last = std::vector<double>{2.5};
  const auto body = json::parse(buckets_json(head(ValueType::number), query, buckets)).as_object();
  EXPECT_EQ(body.at("columns"), json::parse(R"(["time","min","max","first","last","count","sum"])"));
  EXPECT_EQ(body.at("rows"), json::parse("[[33,1,2.5,1,2.5,2,3.5]]"));
  EXPECT_EQ(body.at("width"), 3);
  EXPECT_EQ(buckets_csv(query, buckets), "time,min,max,first,last,count,sum\r\n33,1,2.5,1,2.5,2,3.5\r\n");
}

TEST(ReadingsText, buckets_of_booleans_are_numbers_and_of_texts_have_none) {
  const BucketQuery query{SeriesId{7}, 0, 10, 1};
  Buckets buckets;
  buckets.index = {0};
  buckets.count = {3};
  buckets.minimum = {0};
  buckets.maximum = {1};
  buckets.sum = {2};
  buckets.first = std::vector<std::uint8_t>{0};
  buckets.last = std::vector<std::uint8_t>{1};
  EXPECT_EQ(json::parse(buckets_json(head(ValueType::boolean), query, buckets)).at("rows"),
            json::parse("[[0,0,1,0,1,3,2]]"));
  buckets.minimum = buckets.maximum = buckets.sum = {};
  buckets.first = std::vector<std::string>{"on"};
  buckets.last = std::vector<std::string>{"off"};
  EXPECT_EQ(json::parse(buckets_json(head(ValueType::string), query, buckets)).at("rows"),
            json::parse(R"([[0,null,null,"on","off",3,null]])"));
  EXPECT_EQ(buckets_csv(query, buckets), "time,min,max,first,last,count,sum\r\n0,,,on,off,3,\r\n");
}

}  // namespace
}  // namespace hub::web
