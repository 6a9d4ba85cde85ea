#include "hub/web/answer.h"

#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>
#include <boost/json/parse.hpp>
#include <cmath>
#include <limits>

#include "hub/web/accept.h"
#include "hub/web/body_reader.h"
#include "hub/web/cookies.h"
#include "hub/web/enrolment_command.h"
#include "hub/web/entity_tag.h"
#include "hub/web/json_text.h"
#include "hub/web/query_reader.h"
#include "hub/web/upgrade.h"

namespace hub::web {
namespace {

namespace json = boost::json;

TEST(Answer, a_problem_says_what_where_and_under_which_id) {
  const auto response = problem_answer({errc::invalid_argument, "width must be \"1\" to 20000", "/width"}, "id-1");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.header("Content-Type"), "application/problem+json");
  const auto body = json::parse(response.body).as_object();
  EXPECT_EQ(body.at("type"), "/problems/invalid_argument");
  EXPECT_EQ(body.at("title"), "Invalid argument");
  EXPECT_EQ(body.at("status"), 400);
  EXPECT_EQ(body.at("detail"), "width must be \"1\" to 20000");
  EXPECT_EQ(body.at("field"), "/width");
  EXPECT_EQ(body.at("request_id"), "id-1");
}

TEST(Answer, every_errc_has_an_error_status_and_waiting_is_told) {
  for (int i = 1; i <= static_cast<int>(errc::internal); ++i) {
    const auto response = problem_answer({static_cast<errc>(i), "x", ""}, "id");
    EXPECT_GE(response.status, 400) << i;
    EXPECT_LT(response.status, 600) << i;
    EXPECT_FALSE(json::parse(response.body).as_object().contains("field"));
  }
  EXPECT_EQ(problem_answer({errc::rate_limited, "", ""}, "").header("Retry-After"), "6");
  EXPECT_FALSE(problem_answer({errc::busy, "", ""}, "").header("Retry-After").empty());
}

TEST(Answer, security_headers_allow_nothing_inline_and_no_framing) {
  auto response = json_answer(json::object());
  add_security_headers(response);
  const auto policy = response.header("Content-Security-Policy");
  EXPECT_EQ(policy.find("unsafe"), std::string_view::npos);
  EXPECT_NE(policy.find("default-src 'none'"), std::string_view::npos);
  EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string_view::npos);
  EXPECT_EQ(response.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(response.header("Cache-Control"), "no-store");
  auto cached = json_answer(json::object());
  set_header(cached, "Cache-Control", "no-cache");
  add_security_headers(cached);
  EXPECT_EQ(cached.header("Cache-Control"), "no-cache");
}

RC_GTEST_PROP(JsonNumber, every_double_reads_back_the_same, ()) {
  const auto bits = *rc::gen::arbitrary<std::uint64_t>();
  double value = 0;
  static_assert(sizeof value == sizeof bits);
  std::memcpy(&value, &bits, sizeof value);
  std::string text;
  append_number(text, value);
  if (!std::isfinite(value)) {
    RC_ASSERT(text == "null");
    return;
  }
  RC_ASSERT(std::strtod(text.c_str(), nullptr) == value);
  std::error_code ec;
  RC_ASSERT(json::parse(text, ec).is_number());
  RC_ASSERT(!ec);
}

TEST(JsonText, numbers_are_written_as_people_write_them) {
  const auto text = [](double value) {
    std::string out;
    append_number(out, value);
    return out;
  };
  EXPECT_EQ(text(21.5), "21.5");
  EXPECT_EQ(text(30), "30");
  EXPECT_EQ(text(0.1), "0.1");
  EXPECT_EQ(text(-0.0), "-0.0");
  EXPECT_EQ(text(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(to_text(json::value{{"big", 9'007'199'254'740'993}}), R"({"big":9007199254740993})");
}

TEST(JsonText, texts_are_escaped) {
  EXPECT_EQ(to_text(json::value("a\"b\\c\n\x01 é")), "\"a\\\"b\\\\c\\n\\u0001 é\"");
}

TEST(Cookies, the_named_one_is_found_among_others) {
  EXPECT_EQ(cookie_value("a=1; hub_session=tok; b=2", "hub_session"), "tok");
  EXPECT_EQ(cookie_value("hub_session=tok", "hub_session"), "tok");
  EXPECT_EQ(cookie_value(" hub_session=\"tok\" ", "hub_session"), "tok");
  EXPECT_EQ(cookie_value("xhub_session=bad;hub_session=good; hub_session=second", "hub_session"), "good");
  for (const auto* header : {"", ";", "hub_session", "hub_sessionx=1", "a=hub_session=1", "HUB_SESSION=1"}) {
    EXPECT_EQ(cookie_value(header, "hub_session"), "") << header;
  }
}

TEST(Cookies, a_session_is_for_this_host_its_pages_and_tls_only) {
  EXPECT_EQ(session_cookie("tok", 3600), "hub_session=tok; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Strict");
}

TEST(Accept, qualities_decide) {
  EXPECT_EQ(accepted_quality("gzip, br;q=0.5", "br"), 500);
  EXPECT_EQ(accepted_quality("gzip;q=0", "gzip"), 0);
  EXPECT_EQ(accepted_quality("*;q=0.1", "br"), 100);
  EXPECT_EQ(accepted_quality("", "br"), -1);
  EXPECT_EQ(accepted_quality("text/*;q=0.3, */*;q=0.1", "text/csv"), 300);
  EXPECT_TRUE(prefers_csv("text/csv"));
  EXPECT_TRUE(prefers_csv("text/csv, application/json;q=0.5"));
  EXPECT_FALSE(prefers_csv("application/json, text/csv;q=0.5"));
  EXPECT_FALSE(prefers_csv("*/*"));
  EXPECT_FALSE(prefers_csv(""));
  EXPECT_FALSE(prefers_csv("text/csv;q=0"));
}

TEST(EntityTag, a_stale_version_is_kept_out) {
  EXPECT_TRUE(if_match("", 3));
  EXPECT_TRUE(if_match("*", 3));
  EXPECT_TRUE(if_match("\"2\", \"3\"", 3));
  EXPECT_FALSE(if_match("\"2\"", 3));
  EXPECT_FALSE(if_match("W/\"3\"", 3));
  EXPECT_FALSE(if_match("3", 3));
  EXPECT_TRUE(if_none_match("W/\"a\"", "\"a\""));
  EXPECT_FALSE(if_none_match("", "\"a\""));
}

TEST(Body, what_is_no_json_is_refused_with_its_position) {
  const auto parsed = parse_json("{\"a\": 1,, }");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, errc::invalid_argument);
  EXPECT_NE(parsed.error().detail.find("byte 8"), std::string::npos) << parsed.error().detail;
  EXPECT_FALSE(parse_json("{\"a\": 1"));
  EXPECT_FALSE(parse_json("{} {}"));
  EXPECT_FALSE(parse_json(std::string(100'000, '[')));
  EXPECT_TRUE(parse_json("  ")->is_object());
}

TEST(Body, the_first_mistake_is_told_by_its_field) {
  const auto field_of = [](const char* text) {
    const auto parsed = parse_json(text);
    BodyReader body(*parsed);
    (void)body.text("name", {1, 4});
    (void)body.optional_integer("uses", 1, 10);
    (void)body.optional_duration_us("ttl", 60'000'000, 120'000'000, "1m to 2m");
    (void)body.optional_texts("tags");
    const auto problem = body.problem();
    return problem ? problem->field : std::string("fine");
  };
  EXPECT_EQ(field_of(R"({"name": "a", "uses": 10, "ttl": "1m", "tags": {"room": "1"}})"), "fine");
  EXPECT_EQ(field_of(R"({"name": "a", "uses": null})"), "fine");
  EXPECT_EQ(field_of(R"({})"), "/name");
  EXPECT_EQ(field_of(R"({"name": 1})"), "/name");
  EXPECT_EQ(field_of(R"({"name": "abcde"})"), "/name");
  EXPECT_EQ(field_of(R"({"name": "a", "uses": 0})"), "/uses");
  EXPECT_EQ(field_of(R"({"name": "a", "uses": 1.5})"), "/uses");
  EXPECT_EQ(field_of(R"({"name": "a", "uses": "1"})"), "/uses");
  EXPECT_EQ(field_of(R"({"name": "a", "uses": 99999999999999999999})"), "/uses");
  EXPECT_EQ(field_of(R"({"name": "a", "ttl": "3m"})"), "/ttl");
  EXPECT_EQ(field_of(R"({"name": "a", "ttl": 60})"), "/ttl");
  EXPECT_EQ(field_of(R"({"name": "a", "tags": {"room": 1}})"), "/tags/room");
  EXPECT_EQ(field_of(R"({"name": "a", "nmae": 1})"), "/nmae");
  EXPECT_EQ(field_of("[]"), "");
}

TEST(Query, unknown_and_wrong_parameters_are_named) {
  const auto problem_of = [](const char* text) -> std::string {
    const auto target = Target::parse(text);
    QueryReader query(*target);
    (void)query.time("from", 0);
    (void)query.optional_integer("limit", 1, 10);
    (void)query.optional_bytes("cursor");
    const auto problem = query.problem();
    return problem ? problem->field : "fine";
  };
  EXPECT_EQ(problem_of("/x?from=now"), "fine");
  EXPECT_EQ(problem_of("/x"), "/from");
  EXPECT_EQ(problem_of("/x?from=soon"), "/from");
  EXPECT_EQ(problem_of("/x?from=0&limit=11"), "/limit");
  EXPECT_EQ(problem_of("/x?from=0&limit=1x"), "/limit");
  EXPECT_EQ(problem_of("/x?from=0&cursor=***"), "/cursor");
  EXPECT_EQ(problem_of("/x?from=0&wdith=1"), "/wdith");
}

TEST(Upgrade, the_offered_subprotocols_are_compared_whole) {
  EXPECT_TRUE(offers_protocol("telemetry.live.v1", kLiveProtocol));
  EXPECT_TRUE(offers_protocol("other, telemetry.live.v1", kLiveProtocol));
  for (const auto* header : {"", "telemetry.live.v10", "telemetry.live", "telemetry.device.v1", "Telemetry.Live.V1"}) {
    EXPECT_FALSE(offers_protocol(header, kLiveProtocol)) << header;
  }
}

TEST(EnrolmentCommand, names_an_address_that_a_device_can_reach) {
  EXPECT_EQ(reachable_address("hub.example", "10.0.0.1:8443", 8443), "hub.example:8443");
  EXPECT_EQ(reachable_address("2001:db8::1", "", 1), "[2001:db8::1]:1");
  EXPECT_EQ(reachable_address("", "10.0.0.1:9000", 8443), "10.0.0.1:9000");
  EXPECT_EQ(reachable_address("", "hub.example", 8443), "hub.example:443");
  EXPECT_EQ(reachable_address("", "[2001:db8::1]:9000", 8443), "[2001:db8::1]:9000");
  const std::string own = url_host(machine_name()) + ":8443";
  for (const auto* loopback : {"localhost:8443", "127.0.0.1:8443", "[::1]:8443", ""}) {
    EXPECT_EQ(reachable_address("", loopback, 8443), own) << loopback;
  }
  EXPECT_EQ(reachable_address("", "x;rm -rf /:1", 8443), own) << "it is pasted into a shell";
  EXPECT_EQ(enrolment_command("h:1", "tok", "ab", "green house"),
            "device-agent enroll https://h:1 tok --ca-sha256 ab --name 'green house'");
}

}  // namespace
}  // namespace hub::web
