// The route table and openapi.json describe the same API.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <set>

#include "hub/web/embedded.h"
#include "hub/web/route.h"

namespace hub::web {
namespace {

namespace json = boost::json;

json::object document() {
  return json::parse(openapi_document()).as_object();
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

bool is_method(const std::string& key) {
  static const std::set<std::string> kMethods{"get", "post", "put", "patch", "delete"};
  return kMethods.contains(key);
}

std::set<std::string> documented() {
  std::set<std::string> calls;
  const auto all = document();
  for (const auto& path : all.at("paths").as_object()) {
    for (const auto& entry : path.value().as_object()) {
      const std::string key(entry.key());
      if (is_method(key)) calls.insert(upper(key) + " " + std::string(path.key()));
    }
  }
  return calls;
}

TEST(OpenApi, every_route_is_documented_and_every_documented_call_routed) {
  std::set<std::string> routed;
  for (const Route& route : routes()) routed.insert(std::string(route.method) + " " + std::string(route.path));
  EXPECT_EQ(documented(), routed);
}

TEST(OpenApi, what_needs_no_sign_in_is_said) {
  const auto all = document();
  for (const Route& route : routes()) {
    std::string method(route.method);
    std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
    const auto& call = all.at("paths").at(route.path).at(method).as_object();
    EXPECT_EQ(call.contains("security"), route.access.is_anyone()) << method << " " << route.path;
    EXPECT_EQ(call.contains("x-role"), route.access.operation().has_value()) << method << " " << route.path;
    EXPECT_EQ(call.contains("x-in-person"), route.access.is_in_person()) << method << " " << route.path;
  }
}

TEST(OpenApi, the_role_that_is_documented_is_the_least_that_may) {
  const auto all = document();
  for (const Route& route : routes()) {
    if (!route.access.operation()) continue;
    std::string method(route.method);
    std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
    const auto& call = all.at("paths").at(route.path).at(method).as_object();
    std::string least = "none";
    for (const Role role : {Role::admin, Role::operator_, Role::viewer}) {
      Principal who;
      who.user = UserId("u1");
      who.role = role;
      if (authorize(who, *route.access.operation())) least = to_string(role);
    }
    EXPECT_EQ(call.at("x-role"), json::value(least)) << method << " " << route.path;
  }
}

TEST(OpenApi, every_name_in_a_path_is_a_parameter) {
  const auto all = document();
  for (const auto& path : all.at("paths").as_object()) {
    const std::string name(path.key());
    const auto names = std::ranges::count(name, '{');
    const auto* parameters = path.value().as_object().if_contains("parameters");
    EXPECT_EQ(parameters == nullptr ? 0 : static_cast<long>(parameters->as_array().size()), names) << name;
  }
}

void collect_references(const json::value& value, std::set<std::string>& references) {
  if (const auto* object = value.if_object()) {
    for (const auto& entry : *object) {
      if (entry.key() == "$ref") {
        references.insert(std::string(entry.value().as_string()));
      } else {
        collect_references(entry.value(), references);
      }
    }
  } else if (const auto* array = value.if_array()) {
    for (const auto& item : *array) collect_references(item, references);
  }
}

TEST(OpenApi, every_reference_leads_somewhere) {
  const json::value all = document();
  std::set<std::string> references;
  collect_references(all, references);
  EXPECT_GT(references.size(), 20u);
  for (const auto& reference : references) {
    boost::system::error_code ec;
    const auto* target = all.find_pointer(reference.substr(1), ec);
    EXPECT_NE(target, nullptr) << reference;
  }
}

TEST(OpenApi, every_call_has_an_id_of_its_own_a_summary_and_answers) {
  std::set<std::string> ids;
  const auto all = document();
  EXPECT_TRUE(std::string_view(all.at("openapi").as_string()).starts_with("3.1"));
  for (const auto& path : all.at("paths").as_object()) {
    for (const auto& entry : path.value().as_object()) {
      if (!is_method(std::string(entry.key()))) continue;
      const auto& call = entry.value().as_object();
      EXPECT_TRUE(ids.insert(std::string(call.at("operationId").as_string())).second) << path.key();
      EXPECT_FALSE(call.at("summary").as_string().empty());
      EXPECT_GE(call.at("responses").as_object().size(), 2u);
    }
  }
}

}  // namespace
}  // namespace hub::web
