#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <tuple>
#include <vector>

#include "hub/alerts/alert_service.h"

namespace hub {
namespace {

TEST(AlertRuleJson, a_rule_reads_back_as_it_is_written) {
  AlertRuleRecord rule;
  rule.id = RuleId("r1");
  rule.name = "cold";
  rule.severity = "info";
  rule.series_pattern = "temp*";
  rule.devices = {"d1", "d2"};
  rule.condition = {rules::Comparison::below, 5, 8.5, 90'000'000};
  rule.version = 3;
  rule.created_us = 7;
  rule.updated_us = 9;
  const auto json = to_json(rule);
  EXPECT_EQ(json.at("condition").at("below"), boost::json::value(5.0));
  EXPECT_EQ(json.at("for"), boost::json::value("90s"));
  EXPECT_EQ(json.at("version"), boost::json::value(3u));
  const auto read = alert_rule_from_json(json);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->name, rule.name);
  EXPECT_EQ(read->severity, rule.severity);
  EXPECT_EQ(read->series_pattern, rule.series_pattern);
  EXPECT_EQ(read->devices, rule.devices);
  EXPECT_EQ(read->condition.comparison, rule.condition.comparison);
  EXPECT_EQ(read->condition.threshold, rule.condition.threshold);
  EXPECT_EQ(read->condition.clear, rule.condition.clear);
  EXPECT_EQ(read->condition.for_us, rule.condition.for_us);
}

TEST(AlertRuleJson, what_is_left_out_has_a_meaning) {
  const auto read = alert_rule_from_json(boost::json::parse(R"({"name":"n","condition":{"series":"*","above":30}})"));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->severity, "warning");
  EXPECT_EQ(read->condition.clear, 30);
  EXPECT_EQ(read->condition.for_us, 0);
  EXPECT_TRUE(read->devices.empty());
}

TEST(AlertRuleJson, mistakes_are_named_by_field) {
  for (const auto& [body, field, word] : std::vector<std::tuple<const char*, const char*, const char*>>{
           {R"([])", "", "object"},
           {R"({"condition":{"series":"*","above":1}})", "/name", "missing"},
           {R"({"name":5,"condition":{"series":"*","above":1}})", "/name", "string"},
           {R"({"name":"n"})", "/condition", "missing"},
           {R"({"name":"n","condition":5})", "/condition", "object"},
           {R"({"name":"n","condition":{"above":1}})", "/condition/series", "missing"},
           {R"({"name":"n","condition":{"series":1,"above":1}})", "/condition/series", "string"},
           {R"({"name":"n","condition":{"series":"*"}})", "/condition/above", "one of"},
           {R"({"name":"n","condition":{"series":"*","above":1,"below":1}})", "/condition", "one of"},
           {R"({"name":"n","condition":{"series":"*","above":"1"}})", "/condition/above", "number"},
           {R"({"name":"n","condition":{"series":"*","above":1,"equals":1}})", "/condition/equals", "equals"},
           {R"({"name":"n","condition":{"series":"*","above":1},"for":"soon"})", "/for", "30s"},
           {R"({"name":"n","condition":{"series":"*","above":1},"for":30})", "/for", "30s"},
           {R"({"name":"n","condition":{"series":"*","above":1},"clear":"x"})", "/clear", "number"},
           {R"({"name":"n","condition":{"series":"*","above":1},"severity":1})", "/severity", "critical"},
           {R"({"name":"n","condition":{"series":"*","above":1},"scope":[]})", "/scope", "object"},
           {R"({"name":"n","condition":{"series":"*","above":1},"scope":{"groups":[]}})", "/scope/groups", "groups"},
           {R"({"name":"n","condition":{"series":"*","above":1},"scope":{"devices":[1]}})", "/scope/devices", "ids"},
           {R"({"name":"n","condition":{"series":"*","above":1},"colour":"red"})", "/colour", "colour"}}) {
    const auto read = alert_rule_from_json(boost::json::parse(body));
    ASSERT_FALSE(read) << body;
    EXPECT_EQ(read.error().code, errc::invalid_argument);
    EXPECT_EQ(read.error().field, field) << body;
    EXPECT_NE(read.error().detail.find(word), std::string::npos) << body << ": " << read.error().detail;
  }
}

TEST(AlertJson, every_field_is_shown) {
  AlertRecord alert;
  alert.id = AlertId("a1");
  alert.rule = RuleId("r1");
  alert.series_name = "temperature";
  alert.fired_us = 5;
  alert.value = 31;
  auto json = to_json(alert);
  EXPECT_EQ(json.at("state"), boost::json::value("firing"));
  EXPECT_EQ(json.at("series"), boost::json::value("temperature"));
  EXPECT_EQ(json.at("fired_at"), boost::json::value(5));
  EXPECT_EQ(json.at("value"), boost::json::value(31.0));
  EXPECT_TRUE(json.at("resolved_at").is_null());
  EXPECT_TRUE(json.at("acknowledged").is_null());
  EXPECT_TRUE(json.at("device_action").is_null());
  alert.state = AlertState::resolved;
  alert.resolved_us = 9;
  alert.acknowledged_us = 7;
  alert.acknowledged_by = "ada";
  alert.device_action = "log";
  json = to_json(alert);
  EXPECT_EQ(json.at("state"), boost::json::value("resolved"));
  EXPECT_EQ(json.at("resolved_at"), boost::json::value(9));
  EXPECT_EQ(json.at("acknowledged").at("at"), boost::json::value(7));
  EXPECT_EQ(json.at("acknowledged").at("note"), boost::json::value(""));
  EXPECT_EQ(json.at("device_action"), boost::json::value("log"));
}

}  // namespace
}  // namespace hub
