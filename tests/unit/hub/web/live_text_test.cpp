// Messages of the live link as JSON, and what is put together of them.
#include "hub/web/live_text.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <limits>

#include "hub/core/reading.h"
#include "hub/web/live_batch.h"

namespace hub::web {
namespace {

namespace pb = telemetry::v1;

std::string text_of(const pb::LiveMessage& message, bool happenings = true) {
  std::string out;
  append_messages(out, message, happenings);
  EXPECT_NO_THROW((void)boost::json::parse("[" + out + "]")) << out;
  return out;
}

TEST(LiveText, a_greeting_a_list_of_series_and_a_phase) {
  pb::LiveMessage message;
  message.mutable_hub()->set_version("1.2");
  message.mutable_hub()->set_server_time_us(1.7e15);
  message.mutable_hub()->set_heartbeat_ms(15'000);
  auto& said = *message.add_subscribed();
  said.set_id(1);
  auto& info = *said.add_series();
  info.set_series(7);
  info.set_device_id("d1");
  info.set_name("temperature");
  info.set_unit("°C");
  info.set_type(pb::VALUE_TYPE_NUMBER);
  info.set_interval_ms(1'000);
  info.set_revision(2);
  auto& phase = *message.add_phases();
  phase.set_phase(pb::LivePhase::PHASE_LIVE);
  phase.set_tier_hz(0.2);
  EXPECT_EQ(
      text_of(message),
      R"({"type":"hub","version":"1.2","time":1700000000000000,"heartbeat_ms":15000},)"
      R"({"type":"subscribed","added":false,"series":[{"series":7,"device":"d1","name":"temperature","unit":"°C",)"
      R"("type":"number","interval_ms":1000,"revision":2}]},{"type":"phase","phase":"live","tier_hz":0.2})");
}

TEST(LiveText, every_phase_has_a_name) {
  EXPECT_STREQ(to_string(pb::LivePhase::PHASE_HISTORY), "history");
  EXPECT_STREQ(to_string(pb::LivePhase::PHASE_CATCH_UP), "catch_up");
  EXPECT_STREQ(to_string(pb::LivePhase::PHASE_CONFLATED), "conflated");
  EXPECT_STREQ(to_string(pb::LivePhase::PHASE_LATEST_ONLY), "latest_only");
  EXPECT_STREQ(to_string(pb::LivePhase::PHASE_RESTARTED), "restarted");
  EXPECT_STREQ(to_string(pb::LivePhase::PHASE_PAUSED), "paused");
  EXPECT_STREQ(to_string(pb::LivePhase::PHASE_UNSPECIFIED), "unknown");
}

TEST(LiveText, readings_are_pairs_whose_numbers_read_back_as_the_same_doubles) {
  pb::LiveMessage message;
  auto& update = *message.add_updates();
  update.set_series(3);
  update.set_time_us(1'700'000'000'000'001.0);
  update.add_time_delta_us(-5);
  update.add_time_delta_us(0);
  for (const double value : {0.1 + 0.2, -0.0, 5e-324}) update.add_numbers(value);
  update.set_late(true);
  EXPECT_EQ(text_of(message),
            R"({"type":"update","series":3,"late":true,"readings":[[1700000000000001,0.30000000000000004],)"
            R"([1699999999999996,-0.0],[1699999999999996,5e-324]]})");
}

TEST(LiveText, booleans_strings_and_locations_are_values_too) {
  pb::LiveMessage message;
  auto& flags = *message.add_updates();
  flags.set_series(1);
  flags.set_time_us(10);
  flags.add_time_delta_us(2);
  flags.add_booleans(true);
  flags.add_booleans(false);
  auto& texts = *message.add_updates();
  texts.set_series(2);
  texts.set_time_us(11);
  texts.add_strings("a\"b\nä");
  auto& places = *message.add_history();
  places.set_series(4);
  places.set_from_us(1);
  places.set_to_us(20);
  places.set_time_us(12);
  for (const double c : {52.5, 13.25, 34.0}) places.add_coordinates(c);
  places.set_done(true);
  EXPECT_EQ(text_of(message),
            R"({"type":"history","series":4,"from":1,"to":20,"readings":[[12,[52.5,13.25,34]]],"done":true},)"
            R"({"type":"update","series":1,"readings":[[10,true],[12,false]]},)"
            R"({"type":"update","series":2,"readings":[[11,"a\"b\nä"]]})");
}

TEST(LiveText, buckets_are_rows_as_rest_has_them) {
  pb::LiveMessage message;
  auto& numbers = *message.add_history();
  numbers.set_series(1);
  numbers.set_from_us(1'000);
  numbers.set_to_us(2'000);
  numbers.set_width(10);
  numbers.add_bucket(3);
  numbers.add_minimum(1);
  numbers.add_maximum(4);
  numbers.add_first(2);
  numbers.add_last(3);
  numbers.add_sum(std::numeric_limits<double>::infinity());
  numbers.add_count(4);
  auto& flags = *message.add_history();
  flags.set_series(2);
  flags.set_to_us(100);
  flags.set_width(1);
  flags.add_bucket(0);
  flags.add_minimum(0);
  flags.add_maximum(1);
  flags.add_sum(1);
  flags.add_booleans(false);
  flags.add_booleans(true);
  flags.add_count(2);
  auto& texts = *message.add_history();
  texts.set_series(3);
  texts.set_to_us(100);
  texts.set_width(2);
  texts.add_bucket(1);
  texts.add_strings("on");
  texts.add_strings("off");
  texts.add_count(9);
  EXPECT_EQ(
      text_of(message),
      R"({"type":"history","series":1,"from":1000,"to":2000,"width":10,"buckets":[[1300,1,4,2,3,4,null]],"done":false},)"
      R"({"type":"history","series":2,"from":0,"to":100,"width":1,"buckets":[[0,0,1,0,1,2,1]],"done":false},)"
      R"({"type":"history","series":3,"from":0,"to":100,"width":2,"buckets":[[50,null,null,"on","off",9,null]],"done":false})");
}

TEST(LiveText, conflated_values_say_what_they_stand_for) {
  pb::LiveMessage message;
  auto& update = *message.add_updates();
  update.set_series(5);
  update.set_time_us(100);
  auto& conflated = *update.mutable_conflated();
  conflated.set_last_time_us(200);
  conflated.set_minimum(-1);
  conflated.set_maximum(9.5);
  conflated.set_first(1);
  conflated.set_last(2);
  conflated.set_sum(30);
  conflated.set_count(12);
  EXPECT_EQ(text_of(message),
            R"({"type":"update","series":5,"conflated":{"from":100,"to":200,"min":-1,"max":9.5,"first":1,"last":2,)"
            R"("count":12,"sum":30}})");
}

TEST(LiveText, what_happens_and_what_is_wrong) {
  pb::LiveMessage message;
  auto& state = *message.add_presence();
  state.set_device_id("d1");
  state.set_device_name("kitchen");
  state.set_presence(pb::PRESENCE_ASLEEP);
  state.set_last_seen_us(42);
  state.set_removed(true);
  auto& event = *message.add_events();
  event.set_id(9);
  event.set_time_us(43);
  event.set_device_id("d1");
  event.set_kind("alert");
  event.set_object_id("a1");
  event.set_body_json("{\n \"n\": 1.50, \"s\": \"x\"\n}");
  auto& gap = *message.add_gaps();
  gap.set_device_id("d1");
  gap.set_from_us(1);
  gap.set_to_us(2);
  gap.set_count(3);
  gap.set_at_most(true);
  gap.set_reason(pb::GAP_REASON_QUOTA);
  auto& freshness = *message.add_freshness();
  freshness.set_series(4);
  freshness.set_stale(true);
  freshness.set_since_us(44);
  message.mutable_error()->set_code("too_large");
  message.mutable_error()->set_message("too many");
  const std::string happened =
      R"({"type":"presence","device":"d1","name":"kitchen","presence":"asleep","last_seen":42,"removed":true},)"
      R"({"type":"event","id":9,"time":43,"device":"d1","kind":"alert","object":"a1","body":{"n":1.5,"s":"x"}},)";
  const std::string rest =
      R"({"type":"gap","series":null,"device":"d1","from":1,"to":2,"count":3,"at_most":true,"reason":"quota"},)"
      R"({"type":"freshness","series":4,"stale":true,"since":44},)"
      R"({"type":"error","code":"too_large","message":"too many"})";
  EXPECT_EQ(text_of(message), happened + rest);
  EXPECT_EQ(text_of(message, false), rest);
}

TEST(LiveText, a_body_that_is_no_json_is_text) {
  pb::LiveMessage message;
  message.add_events()->set_body_json("not\njson");
  EXPECT_NE(text_of(message).find(R"("body":"not\njson")"), std::string::npos);
}

// --- what is put together

bool add(LiveBatcher& batcher, const pb::LiveMessage& message) {
  const std::string bytes = message.SerializeAsString();
  // As the session writes it: in pieces.
  const boost::asio::const_buffer pieces[] = {
      boost::asio::buffer(bytes.data(), bytes.size() / 2),
      boost::asio::buffer(bytes.data() + bytes.size() / 2, bytes.size() - bytes.size() / 2)};
  return batcher.add(pieces);
}

pb::LiveMessage update(double value) {
  pb::LiveMessage message;
  auto& one = *message.add_updates();
  one.set_series(1);
  one.set_time_us(1);
  one.add_numbers(value);
  return message;
}

pb::LiveMessage with_trailer(pb::LiveMessage message, const std::string& position) {
  message.set_position(position);
  message.set_event_id(4);
  message.set_sent_us(99);
  return message;
}

TEST(LiveBatcher, messages_are_held_until_the_one_with_the_position) {
  LiveBatcher batcher(true, false);
  ASSERT_TRUE(add(batcher, update(1)));
  EXPECT_FALSE(batcher.take());
  ASSERT_TRUE(add(batcher, with_trailer(update(2), "p")));
  const auto batch = batcher.take();
  ASSERT_TRUE(batch);
  EXPECT_EQ(
      batch->to_json_begin() + "}",
      R"({"messages":[{"type":"update","series":1,"readings":[[1,1]]},{"type":"update","series":1,"readings":[[1,2]]}],)"
      R"("position":"cA.4","event_id":4,"phase":null,"sent":99,"commit":null})");
  EXPECT_FALSE(batcher.take());
  EXPECT_FALSE(batcher.end());
}

TEST(LiveBatcher, bytes_that_are_no_message_are_refused) {
  LiveBatcher batcher(true, false);
  const boost::asio::const_buffer piece = boost::asio::buffer("\xff\xff\xff", 3);
  EXPECT_FALSE(batcher.add(std::span(&piece, 1)));
}

TEST(LiveBatcher, a_closed_range_ends_with_its_history_and_a_live_one_does_not) {
  for (const bool closed : {true, false}) {
    LiveBatcher batcher(true, closed);
    pb::LiveMessage message;
    message.add_phases()->set_phase(pb::LivePhase::PHASE_PAUSED);
    ASSERT_TRUE(add(batcher, with_trailer(message, "")));
    EXPECT_EQ(batcher.end().has_value(), closed);
    EXPECT_EQ(batcher.take()->phase, "paused");
    if (!closed) continue;
    EXPECT_EQ(batcher.end()->to_json(), R"({"code":1000,"reason":"complete","again":false})");
  }
}

TEST(LiveBatcher, a_refused_subscription_ends_the_stream_and_a_series_without_room_does_not) {
  pb::LiveMessage refused;
  refused.mutable_error()->set_subscription(1);
  refused.mutable_error()->set_code("too_large");
  pb::LiveMessage answer;
  answer.add_subscribed()->set_id(1);
  LiveBatcher at_once(true, false), later(true, false);
  ASSERT_TRUE(add(at_once, with_trailer(refused, "p")));
  ASSERT_TRUE(at_once.end());
  EXPECT_EQ(at_once.end()->code, 4000);
  EXPECT_FALSE(at_once.end()->is_to_come_again());
  ASSERT_TRUE(add(later, with_trailer(answer, "p")) && add(later, with_trailer(refused, "p")));
  EXPECT_FALSE(later.end());
  refused.mutable_error()->set_code("storage_failed");
  ASSERT_TRUE(add(later, with_trailer(refused, "p")));
  ASSERT_TRUE(later.end());
  EXPECT_TRUE(later.end()->is_to_come_again() && later.end()->is_to_back_off());
}

TEST(LiveEnd, who_is_to_come_again) {
  for (const int code : {1006, 1011, 4102, 4200, 4202, 4203})
    EXPECT_TRUE((LiveEnd{static_cast<std::uint16_t>(code), ""}.is_to_come_again())) << code;
  for (const int code : {1000, 1007, 4000, 4001})
    EXPECT_FALSE((LiveEnd{static_cast<std::uint16_t>(code), ""}.is_to_come_again())) << code;
}

}  // namespace
}  // namespace hub::web
