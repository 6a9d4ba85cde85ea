// The query of a live stream over HTTP.
#include "hub/web/live_wish.h"

#include <gtest/gtest.h>

namespace hub::web {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000'000;

Outcome<LiveWish> events_of(const std::string& query, std::string_view last_event_id = {}) {
  return read_event_stream_wish(*Target::parse("/api/v1/live/sse" + query), last_event_id, kNow);
}

TEST(LiveWish, without_parameters_it_is_the_latest_of_every_series_then_live) {
  const auto wish = events_of("");
  ASSERT_TRUE(wish);
  EXPECT_EQ(wish->subscribe.id(), 1u);
  EXPECT_EQ(wish->subscribe.selector().series(0), "*");
  EXPECT_EQ(wish->subscribe.from_us(), 0);
  EXPECT_EQ(wish->subscribe.to_us(), 0);
  EXPECT_TRUE(wish->happenings);
  EXPECT_TRUE(wish->subscribe.resume_position().empty());
}

TEST(LiveWish, all_parameters_are_read) {
  const auto wish = events_of(
      "?device=kitchen&device=d%20two&group=house&series=temp*&series=hum&from=-1h&to=now&width=100&rate=0.5&events="
      "false");
  ASSERT_TRUE(wish) << wish.error().detail;
  const auto& subscribe = wish->subscribe;
  EXPECT_EQ(subscribe.selector().devices_size(), 2);
  EXPECT_EQ(subscribe.selector().devices(1), "d two");
  EXPECT_EQ(subscribe.selector().groups(0), "house");
  EXPECT_EQ(subscribe.selector().series_size(), 2);
  EXPECT_EQ(subscribe.from_us(), static_cast<double>(kNow - 3'600'000'000));
  EXPECT_EQ(subscribe.to_us(), static_cast<double>(kNow));
  EXPECT_EQ(subscribe.width(), 100u);
  EXPECT_EQ(subscribe.maximum_rate_hz(), 0.5);
  EXPECT_FALSE(wish->happenings);
}

TEST(LiveWish, a_mistake_names_its_parameter) {
  const std::pair<const char*, const char*> mistakes[] = {
      {"?devise=kitchen", "/devise"}, {"?device=", "/device"},
      {"?series=%ff", "/series"},     {"?from=yesterday", "/from"},
      {"?from=-5", "/from"},          {"?to=now", "/to"},
      {"?from=now&to=-1h", "/from"},  {"?width=20001", "/width"},
      {"?width=x", "/width"},         {"?rate=-1", "/rate"},
      {"?rate=nan", "/rate"},         {"?rate=1&rate=2", "/rate"},
      {"?position=%21", "/position"}, {"?position=AA.x", "/position"},
      {"?event_id=-1", "/event_id"},  {"?events=maybe", "/events"},
      {"?wait=1", "/wait"},  // of a poll only
  };
  for (const auto& [query, field] : mistakes) {
    const auto wish = events_of(query);
    ASSERT_FALSE(wish) << query;
    EXPECT_EQ(wish.error().code, errc::invalid_argument) << query;
    EXPECT_EQ(wish.error().field, field) << query;
    EXPECT_FALSE(wish.error().detail.empty()) << query;
  }
  std::string many = "?series=a";
  for (int i = 0; i < 64; ++i) many += "&series=a";
  EXPECT_EQ(events_of(many).error().field, "/series");
  std::string groups = "?group=a";
  for (int i = 0; i < 64; ++i) groups += "&group=a";
  EXPECT_EQ(events_of(groups).error().field, "/group");
}

TEST(LiveWish, what_was_heard_last_counts_more_than_the_address) {
  const LivePosition first{std::string("\1\2\3", 3), 7, "", 0}, later{std::string("\1\2\4", 3), 9, "", 0};
  auto wish = events_of("?position=" + first.to_text());
  ASSERT_TRUE(wish);
  EXPECT_EQ(wish->subscribe.resume_position(), first.bytes);
  EXPECT_EQ(wish->hello.resume_event_id(), 7u);
  wish = events_of("?position=" + first.to_text(), later.to_text());
  ASSERT_TRUE(wish);
  EXPECT_EQ(wish->subscribe.resume_position(), later.bytes);
  EXPECT_EQ(wish->hello.resume_event_id(), 9u);
  EXPECT_EQ(events_of("", "no position").error().field, "Last-Event-ID");
  EXPECT_TRUE(events_of("?from=1&to=2", kLiveOver)->is_over);
  EXPECT_TRUE(events_of("?from=1&to=2&position=" + first.to_text())->subscribe.resume_position().empty());
}

TEST(LiveWish, a_position_of_the_websocket_link_is_taken_with_its_event) {
  const auto wish = events_of("?position=AQID&event_id=12");
  ASSERT_TRUE(wish);
  EXPECT_EQ(wish->subscribe.resume_position(), std::string("\1\2\3", 3));
  EXPECT_EQ(wish->hello.resume_event_id(), 12u);
}

TEST(LiveWish, a_poll_waits_as_long_as_it_says_and_knows_what_it_asks_for) {
  const auto poll = [](const std::string& query) {
    return read_poll_wish(*Target::parse("/api/v1/live/poll" + query), kNow);
  };
  EXPECT_EQ(poll("")->wait_ms, 25'000);
  EXPECT_EQ(poll("?wait=0")->wait_ms, 0);
  EXPECT_EQ(poll("?wait=61").error().field, "/wait");
  const LivePosition at{"abc", 3, "session", 12};
  const auto next = poll("?from=-1h&series=t*&wait=3&position=" + at.to_text());
  ASSERT_TRUE(next);
  EXPECT_EQ(next->position.session, "session");
  EXPECT_EQ(next->position.number, 12u);
  EXPECT_EQ(next->same, poll("?from=-1h&series=t*")->same);
  EXPECT_NE(next->same, poll("?from=-1h&series=u*")->same);
}

TEST(LivePosition, text_is_read_back) {
  const LivePosition at{std::string("\0\xff", 2), 4'294'967'295u, "abc_-", 18'446'744'073'709'551'615u};
  const auto back = LivePosition::from_text(at.to_text());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->bytes, at.bytes);
  EXPECT_EQ(back->event_id, at.event_id);
  EXPECT_EQ(back->session, at.session);
  EXPECT_EQ(back->number, at.number);
  for (const char* text :
       {"", "AA.1.x", "AA.1.x.", "AA.1..2", "AA.1.x.2.3", "A*.1", "AA.4294967296", "AA.", "AA.1.x.-2"})
    EXPECT_FALSE(LivePosition::from_text(text)) << text;
  EXPECT_FALSE(LivePosition::from_text(std::string(13'000, 'A')));
  EXPECT_TRUE(LivePosition::from_text(".0"));  // before there is a position
}

}  // namespace
}  // namespace hub::web
