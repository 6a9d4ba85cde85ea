#include "hub/web/route.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <type_traits>

#include "hub/web/target.h"

namespace hub::web {
namespace {

RouteMatch find(std::string_view method, std::string_view target) {
  const auto parsed = Target::parse(target);
  return parsed ? match(routes(), method, parsed->segments) : RouteMatch{};
}

TEST(Route, a_path_finds_its_route_and_its_names) {
  const auto found = find("GET", "/api/v1/devices/green%20house/series/a.b:c-d/readings?from=0&to=1");
  ASSERT_NE(found.route, nullptr);
  EXPECT_EQ(found.route->path, "/api/v1/devices/{device}/series/{series}/readings");
  EXPECT_EQ(found.path.at("device"), "green house");
  EXPECT_EQ(found.path.at("series"), "a.b:c-d");
}

TEST(Route, a_literal_path_is_not_taken_for_a_name) {
  EXPECT_EQ(find("POST", "/api/v1/enrolments/redeem").route->path, "/api/v1/enrolments/redeem");
}

TEST(Route, head_is_answered_where_get_is) {
  ASSERT_NE(find("HEAD", "/healthz").route, nullptr);
  EXPECT_EQ(find("HEAD", "/api/v1/enrolments").route, nullptr);
}

TEST(Route, a_known_path_with_another_method_says_what_is_allowed) {
  const auto found = find("PUT", "/api/v1/devices/d1");
  EXPECT_EQ(found.route, nullptr);
  EXPECT_EQ(found.allowed, "GET, HEAD, PATCH, DELETE");
}

TEST(Route, what_is_nearly_a_path_is_none) {
  for (const auto* target : {"/", "/api/v1", "/api/v1/devices/", "/api/v1/devices//series",
                             "/api/v1/devices/d/series/s", "/api/v1/nothing", "/healthz/", "/API/v1/devices"}) {
    const auto found = find("GET", target);
    EXPECT_EQ(found.route, nullptr) << target;
    EXPECT_TRUE(found.allowed.empty()) << target;
  }
}

TEST(Route, a_slash_inside_a_name_stays_inside_it) {
  const auto found = find("GET", "/api/v1/devices/a%2Fb");
  ASSERT_NE(found.route, nullptr);
  EXPECT_EQ(found.path.at("device"), "a/b");
}

TEST(Route, no_route_comes_without_access) {
  static_assert(!std::is_default_constructible_v<Access>);
  for (const Route& route : routes()) {
    const bool changes = route.method != "GET";
    // What changes something without a sign-in is signing in itself, or carries a secret of its own.
    if (!changes || !route.access.is_anyone()) continue;
    constexpr std::string_view kWithSecret[] = {"/api/v1/setup",
                                                "/api/v1/session",
                                                "/api/v1/enrolments/redeem",
                                                "/api/v1/enrolments/requests/collect",
                                                "/api/v1/invitations/look",
                                                "/api/v1/invitations/accept"};
    if (route.path == "/api/v1/enrolments/requests") continue;  // changes nothing before an admin has looked at it
    EXPECT_NE(std::ranges::find(kWithSecret, route.path), std::end(kWithSecret)) << route.method << " " << route.path;
  }
}

TEST(Route, every_table_entry_is_reachable) {
  for (const Route& route : routes()) {
    const auto parsed = Target::parse(route.path == "/" ? "/" : std::string(route.path));
    // Braces are no valid path characters; put a name there.
    std::string path;
    for (const char c : route.path) {
      if (c == '{' || c == '}') continue;
      path += c;
    }
    EXPECT_EQ(find(route.method, path).route, &route) << route.method << " " << path;
  }
}

TEST(Target, a_plus_in_a_query_stays_a_plus) {
  const auto target = Target::parse("/x?from=2026-11-23T10:00:00+01:00&name=a%20b&empty");
  ASSERT_TRUE(target);
  ASSERT_EQ(target->query.size(), 3u);
  EXPECT_EQ(target->query[0].second, "2026-11-23T10:00:00+01:00");
  EXPECT_EQ(target->query[1].second, "a b");
  EXPECT_EQ(target->query[2].first, "empty");
}

TEST(Target, what_is_no_target_is_refused) {
  for (const auto* text : {"", "*", "http://other/x", "/a%zz", "/a%00b", "relative"}) {
    EXPECT_FALSE(Target::parse(text)) << text;
  }
}

}  // namespace
}  // namespace hub::web
