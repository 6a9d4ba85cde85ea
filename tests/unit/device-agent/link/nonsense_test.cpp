// A hub that speaks nonsense: it is told so, left and tried again; nothing that is not acknowledged is ever forgotten.
#include <google/protobuf/stubs/logging.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/device-agent/link/link_fixture.h"

namespace agent::link_test {
namespace {

class NonsenseTest : public LinkTest {
 protected:
  /// In a session with three live frames under way, the hub sends this.
  void after(const std::string& bytes, const std::string& expected) {
    append(0, 3);
    start_welcomed();
    ASSERT_EQ(sent_frames().size(), 3u);
    fakes::ScriptedPeer& first = hub.peer();
    first.send(bytes);
    hub.until_connected(2);
    EXPECT_EQ(link->counters().last_error, expected);
    EXPECT_EQ(first.wait_for_close().code, 1002);
    EXPECT_EQ(first.wait_for_close().reason, expected);
    EXPECT_EQ(spool->held(), 3u) << "nothing is forgotten";
    hub.welcome();
    EXPECT_EQ(sent_frames(), (Sent{"0:1", "0:2", "0:3"}));
  }
  static std::string ack_of(std::uint32_t stream, std::uint64_t stored) {
    pb::HubMessage message;
    auto& ack = *message.mutable_ack()->add_streams();
    ack.set_stream(stream);
    ack.set_stored(stored);
    return message.SerializeAsString();
  }
};

TEST_F(NonsenseTest, bytes_that_are_no_message) {
  after("\xff\xff\xff no message", "the hub sent what is no message");
}
TEST_F(NonsenseTest, an_acknowledgement_of_what_was_never_sent) {
  after(ack_of(0, 4), "the hub acknowledges frame 4 of stream 0, which was never sent");
}
TEST_F(NonsenseTest, an_acknowledgement_of_everything_there_could_ever_be) {
  after(ack_of(0, UINT64_MAX), "the hub acknowledges frame 18446744073709551615 of stream 0, which was never sent");
}
TEST_F(NonsenseTest, an_acknowledgement_of_a_stream_that_does_not_exist) {
  after(ack_of(7, 1), "the hub acknowledges stream 7, which does not exist");
}
TEST_F(NonsenseTest, a_second_welcome) {
  pb::HubMessage message;
  message.mutable_welcome()->add_streams()->set_stored(3);
  message.mutable_welcome()->add_streams();
  after(message.SerializeAsString(), "the hub sent a second Welcome");
}
TEST_F(NonsenseTest, a_request_for_definitions_of_a_frame_that_is_not_under_way) {
  pb::HubMessage message;
  message.mutable_need_definitions()->set_sequence(0);
  after(message.SerializeAsString(), "the hub asks for definitions of frame 0, which is not under way");
}
TEST_F(NonsenseTest, a_request_for_definitions_of_a_stream_that_does_not_exist) {
  pb::HubMessage message;
  message.mutable_need_definitions()->set_stream(9);
  after(message.SerializeAsString(), "the hub asks for definitions of a stream that does not exist");
}

TEST_F(NonsenseTest, acknowledgements_that_go_back_change_nothing) {
  append(0, 3);
  start_welcomed();
  EXPECT_EQ(sent_frames().size(), 3u);
  hub.acknowledge(0, 2);
  hub.acknowledge(0, 1);
  hub.acknowledge(0, 0);
  hub.until([this] { return spool->held() == 1; }, "the acknowledgement");
  append(0, 1);
  link->pump();
  EXPECT_EQ(sent_frames(), Sent{"0:4"});
  EXPECT_EQ(hub.connects(), 1);
}

TEST_F(NonsenseTest, a_welcome_that_claims_more_than_was_ever_sent) {
  append(0, 3);
  start();
  hub.until_connected(1);
  hub.welcome({3});  // none of them has left yet
  hub.until_connected(2);
  EXPECT_EQ(link->counters().last_error, "the hub's Welcome claims frame 3 of stream 0, which was never sent");
  EXPECT_EQ(spool->held(), 3u);
  hub.welcome({UINT64_MAX});
  hub.until_connected(3);
  EXPECT_EQ(spool->held(), 3u);
  hub.welcome();
  EXPECT_EQ(sent_frames().size(), 3u);
}

TEST_F(NonsenseTest, a_welcome_may_know_more_of_an_earlier_start_than_is_left_of_it) {
  open_spool(1);
  append(0, 3);
  ASSERT_TRUE(spool->flush());
  open_spool(2);
  start_welcomed({10});
  EXPECT_EQ(spool->held(), 0u) << "the power cut took frames that had been sent";
}

TEST_F(NonsenseTest, acknowledgements_before_the_welcome) {
  append(0, 3);
  start();
  hub.until_connected(1);
  hub.acknowledge(0, 3);
  hub.until_connected(2);
  EXPECT_EQ(link->counters().last_error, "the hub acknowledges before its Welcome");
  EXPECT_EQ(spool->held(), 3u);
}

TEST_F(NonsenseTest, a_refusal_with_an_impossible_code_is_no_reason_to_give_up) {
  start_welcomed();
  pb::HubMessage message;
  message.mutable_refusal()->set_close_code(65'536 + 4'001);
  message.mutable_refusal()->set_retry_after_ms(UINT32_MAX);
  hub.send(message);
  hub.settle();
  hub.peer().hang_up();
  hub.until([this] { return link->state().rfind("waiting", 0) == 0; }, "the wait");
  EXPECT_EQ(link->state().rfind("waiting 3600 s: ", 0), 0u) << link->state();
  EXPECT_EQ(link->state().find("refused"), std::string::npos) << link->state();
}

/// Any number of one of the messages a hub may send, with any contents but those that acknowledge rightly.
std::string random_message() {
  const auto word = [] { return *rc::gen::arbitrary<std::uint32_t>(); };
  const auto small = [] { return *rc::gen::inRange<std::uint32_t>(0, 6); };
  const auto text = [] { return *rc::gen::arbitrary<std::string>(); };
  pb::HubMessage m;
  switch (*rc::gen::inRange(0, 11)) {
    case 0: {
      auto& ack = *m.mutable_ack()->add_streams();
      ack.set_stream(small());
      ack.set_stored(*rc::gen::inRange<std::uint64_t>(4, UINT64_MAX));
      break;
    }
    case 1: {
      auto& rejected = *m.mutable_ack()->add_rejected();
      rejected.set_sequence(word());
      rejected.set_stream(word());
      rejected.set_detail(text());
      break;
    }
    case 2:
      for (std::uint32_t n = small(); n > 0; --n) m.mutable_welcome()->add_streams()->set_stored(4 + word());
      m.mutable_welcome()->set_message_limit_bytes(word());
      m.mutable_welcome()->set_ca_bundle_pem(text());
      break;
    case 3:
      m.mutable_need_definitions()->set_stream(small());
      m.mutable_need_definitions()->set_sequence(small());
      m.mutable_need_definitions()->add_aliases(small());
      break;
    case 4:
      m.mutable_credits()->set_live_bytes(word());
      m.mutable_credits()->set_backfill_bytes(small());
      break;
    case 5:
      m.mutable_refusal()->set_close_code(*rc::gen::element(0u, 999u, 1'001u, 4'102u, 5'000u, 70'000u));
      m.mutable_refusal()->set_reason(text());
      break;
    case 6:
      m.mutable_execution()->set_command(text());
      m.mutable_execution()->set_arguments_json(text());
      m.mutable_execution()->set_not_after_us(std::numeric_limits<double>::quiet_NaN());
      break;
    case 7:
      m.mutable_renewed_certificate()->set_certificate_pem(text());
      break;
    case 8:
      m.mutable_lease()->set_alert_id(text());
      m.mutable_lease()->set_expires_us(-1e300);
      break;
    case 9:
      m.mutable_enrolled()->set_token(text());
      break;
    default:
      return text();
  }
  return m.SerializeAsString();
}

RC_GTEST_FIXTURE_PROP(NonsenseTest, whatever_a_hub_sends_nothing_is_lost_and_the_link_goes_on, ()) {
  const google::protobuf::LogSilencer quiet;  // texts that are no UTF-8 are told on stderr
  append(0, 3);
  start();
  int connects = 0;
  const int rounds = *rc::gen::inRange(1, 6);
  for (int i = 0; i < rounds; ++i) {
    hub.until_connected(++connects);
    const bool is_welcomed = *rc::gen::arbitrary<bool>();
    if (is_welcomed) hub.welcome();
    for (int n = *rc::gen::inRange(1, 8); n > 0; --n) hub.peer().send(random_message());
    hub.settle();
    hub.peer().hang_up();
    hub.settle();
    RC_ASSERT(spool->held() == 3u);
    connects = std::max(connects, hub.connects() - (link->state() == "connecting" ? 1 : 0));
    if (hub.connects() > connects) connects = hub.connects() - 1;
  }
  hub.until([&] { return hub.connects() > connects; }, "the next connection");
}

}  // namespace
}  // namespace agent::link_test
