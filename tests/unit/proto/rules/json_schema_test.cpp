#include "rules/json_schema.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <utility>
#include <vector>

namespace rules {
namespace {

std::optional<SchemaProblem> check(const char* schema, const char* value) {
  const auto parsed = JsonSchema::parse(schema);
  EXPECT_TRUE(parsed) << schema;
  if (!parsed) return parsed.error();
  return parsed->check(boost::json::parse(value));
}

void expect_fits(const char* schema, const char* value) {
  const auto problem = check(schema, value);
  EXPECT_FALSE(problem) << value << " against " << schema << ": " << problem->text();
}

void expect_refused(const char* schema, const char* value, const std::string& where, const std::string& word) {
  const auto problem = check(schema, value);
  ASSERT_TRUE(problem) << value << " against " << schema;
  EXPECT_EQ(problem->where, where);
  EXPECT_NE(problem->what.find(word), std::string::npos) << problem->what;
}

TEST(JsonSchema, types_are_told_apart) {
  expect_fits(R"({"type":"integer"})", "3");
  expect_fits(R"({"type":"integer"})", "3.0");
  expect_refused(R"({"type":"integer"})", "3.5", "", "integer");
  expect_fits(R"({"type":"number"})", "18446744073709551615");
  expect_refused(R"({"type":"number"})", "\"3\"", "", "number");
  expect_fits(R"({"type":["string","null"]})", "null");
  expect_refused(R"({"type":["string","null"]})", "true", "", "string or null");
  expect_fits(R"({"type":"boolean"})", "false");
  expect_fits(R"({"type":"array"})", "[]");
  expect_refused(R"({"type":"object"})", "[]", "", "object");
}

TEST(JsonSchema, objects_name_the_property_at_fault) {
  const char* schema = R"({"type":"object","properties":{"interval":{"type":"integer","minimum":100,"maximum":60000},
      "mode":{"enum":["fast","slow",1]}},"required":["interval"],"additionalProperties":false})";
  expect_fits(schema, R"({"interval":100})");
  expect_fits(schema, R"({"interval":60000,"mode":"fast"})");
  expect_fits(schema, R"({"interval":60000,"mode":1.0})");
  expect_refused(schema, "{}", "/interval", "missing");
  expect_refused(schema, R"({"interval":99})", "/interval", "at least 100");
  expect_refused(schema, R"({"interval":60001})", "/interval", "at most 60000");
  expect_refused(schema, R"({"interval":100,"mode":"warp"})", "/mode", "fast");
  expect_refused(schema, R"({"interval":100,"a/b":1})", "/a~1b", "allowed: interval, mode");
}

TEST(JsonSchema, lengths_count_characters_not_bytes) {
  const char* schema = R"({"type":"string","minLength":2,"maxLength":3})";
  expect_fits(schema, "\"äöü\"");
  expect_refused(schema, "\"ä\"", "", "at least 2");
  expect_refused(schema, "\"äöüß\"", "", "at most 3");
}

TEST(JsonSchema, items_are_checked_one_by_one) {
  const char* schema = R"({"items":{"type":"object","properties":{"pin":{"type":"integer"}}}})";
  expect_fits(schema, R"([{"pin":1},{"pin":2},{}])");
  expect_refused(schema, R"([{"pin":1},{"pin":"2"}])", "/1/pin", "integer");
}

TEST(JsonSchema, enum_compares_deeply) {
  const char* schema = R"({"enum":[{"a":[1,2]},null]})";
  expect_fits(schema, R"({"a":[1.0,2]})");
  expect_fits(schema, "null");
  expect_refused(schema, R"({"a":[1,2,3]})", "", "one of");
  expect_refused(schema, R"({"a":[1,2],"b":0})", "", "one of");
}

TEST(JsonSchema, empty_text_means_no_arguments) {
  expect_fits("", "{}");
  expect_refused("", R"({"a":1})", "/a", "none");
  expect_refused("", "[]", "", "object");
}

TEST(JsonSchema, boolean_schemas_and_annotations) {
  expect_fits("true", R"({"any":"thing"})");
  expect_refused("false", "{}", "", "not allowed");
  expect_fits(R"({"title":"T","description":"d","default":5,"format":"date","x-unit":"ms","type":"string"})", "\"s\"");
  expect_refused(R"({"properties":{"never":false}})", R"({"never":1})", "/never", "not allowed");
}

TEST(JsonSchema, what_it_cannot_check_is_refused_at_parse) {
  for (const auto& [schema, where] : std::vector<std::pair<const char*, const char*>>{
           {R"({"pattern":"^a"})", "/pattern"},
           {R"({"properties":{"a":{"oneOf":[]}}})", "/properties/a/oneOf"},
           {R"({"items":{"$ref":"#"}})", "/items/$ref"},
           {R"({"exclusiveMaximum":3})", "/exclusiveMaximum"},
           {R"({"additionalProperties":{"type":"string"}})", "/additionalProperties"},
           {R"({"type":"float"})", "/type"},
           {R"({"type":[]})", "/type"},
           {R"({"required":"a"})", "/required"},
           {R"({"required":[1]})", "/required"},
           {R"({"enum":[]})", "/enum"},
           {R"({"minimum":"1"})", "/minimum"},
           {R"({"maxLength":-1})", "/maxLength"},
           {R"({"properties":[]})", "/properties"},
           {R"({"properties":{"a":5}})", "/properties/a"},
           {"5", ""},
           {"{", ""}}) {
    const auto parsed = JsonSchema::parse(schema);
    ASSERT_FALSE(parsed) << schema;
    EXPECT_EQ(parsed.error().where, where) << schema;
    EXPECT_FALSE(parsed.error().what.empty());
  }
  EXPECT_FALSE(JsonSchema::parse(std::string(JsonSchema::max_bytes + 1, ' ')));
  EXPECT_FALSE(JsonSchema::parse(std::string(2'000, '[')));  // deeper than the parser goes
}

}  // namespace
}  // namespace rules
