#include "tests/unit/device-agent/link/link_fixture.h"

namespace agent::link_test {
namespace {

TEST_F(LinkTest, hello_says_every_stream_held_and_this_boot) {
  open_spool(1);
  append(0, 3);
  ASSERT_TRUE(spool->flush());
  open_spool(2);
  append(1);
  clock.set_synchronised(false);
  start();
  hub.until_connected(1);
  const auto hello = hub.receive().hello();
  ASSERT_EQ(hello.streams_size(), 3);
  EXPECT_EQ(hello.streams(0).epoch(), std::string(16, '\1'));
  EXPECT_EQ(hello.streams(0).first_held(), 1u);
  EXPECT_EQ(hello.streams(0).next(), 4u);
  EXPECT_EQ(hello.streams(1).lane(), pb::LANE_LIVE);
  EXPECT_EQ(hello.streams(1).first_held(), 1u);
  EXPECT_EQ(hello.streams(1).next(), 1u);
  EXPECT_EQ(hello.streams(2).lane(), pb::LANE_BACKFILL);
  EXPECT_EQ(hello.streams(2).next(), 2u);
  EXPECT_EQ(hello.boot_id(), std::string(16, '\x63'));
  EXPECT_EQ(hello.protocol_version(), 1u);
  EXPECT_FALSE(hello.clock_synchronised());
  EXPECT_TRUE(hub.take_all().empty()) << "nothing before Welcome";
  EXPECT_FALSE(link->send(pb::DeviceMessage()));
}

TEST_F(LinkTest, what_the_hub_has_is_forgotten_and_the_rest_is_sent_definitions_first) {
  open_spool(1);
  append(0, 3);
  ASSERT_TRUE(spool->flush());
  open_spool(2);
  builder = FrameBuilder();
  start_welcomed({2});
  EXPECT_EQ(hub.take_all(), (Sent{"definitions 0", "0:3"}));
  EXPECT_EQ(happened, Sent{"welcomed"});
  EXPECT_EQ(link->state(), "connected");
  EXPECT_EQ(spool->held(), 1u);
  append(0);
  link->pump();
  EXPECT_EQ(hub.take_all(), (Sent{"definitions 1", "1:1"}));
}

TEST_F(LinkTest, an_acknowledgement_forgets_everything_up_to_it) {
  append(0, 5);
  start_welcomed();
  EXPECT_EQ(sent_frames().size(), 5u);
  EXPECT_EQ(spool->held(), 5u);
  hub.acknowledge(0, 3);
  hub.until([this] { return spool->held() == 2; }, "the acknowledgement");
  hub.acknowledge(0, 5);
  hub.until([this] { return spool->held() == 0; }, "the acknowledgement");
}

TEST_F(LinkTest, what_was_not_acknowledged_is_sent_again_after_a_reconnect_with_the_same_bytes) {
  append(0, 3);
  start_welcomed();
  std::map<std::uint64_t, std::string> bodies;
  while (const auto m = hub.receive_now()) {
    if (m->has_frame()) bodies[m->frame().sequence()] = m->frame().body();
  }
  hub.acknowledge(0, 1);
  hub.until([this] { return spool->held() == 2; }, "the acknowledgement");
  const auto hello = reconnect(2, {1});
  EXPECT_EQ(hello.streams(0).first_held(), 2u);
  std::size_t again = 0;
  while (const auto m = hub.receive_now()) {
    if (!m->has_frame()) continue;
    ++again;
    EXPECT_EQ(m->frame().body(), bodies.at(m->frame().sequence()));
  }
  EXPECT_EQ(again, 2u);
  EXPECT_EQ(happened, (Sent{"welcomed", "disconnected", "welcomed"}));
}

TEST_F(LinkTest, what_the_hub_stored_without_its_acknowledgement_arriving_is_not_sent_again) {
  append(0, 3);
  start_welcomed();
  EXPECT_EQ(sent_frames().size(), 3u);
  reconnect(2, {3});
  EXPECT_TRUE(sent_frames().empty());
  EXPECT_EQ(spool->held(), 0u);
  append(0);
  link->pump();
  EXPECT_EQ(sent_frames(), Sent{"0:4"}) << "numbers go on";
}

TEST_F(LinkTest, the_credit_bounds_what_is_under_way) {
  append(0, 3);
  start_welcomed({}, 1);
  EXPECT_EQ(sent_frames(), Sent{"0:1"});
  hub.acknowledge(0, 1);
  EXPECT_EQ(sent_frames(), Sent{"0:2"});
  link->pump();
  EXPECT_TRUE(sent_frames().empty());
  pb::HubMessage more;
  more.mutable_credits()->set_live_bytes(100'000);
  hub.send(more);
  EXPECT_EQ(sent_frames(), Sent{"0:3"}) << "a larger credit counts at once";
}

TEST_F(LinkTest, the_live_lane_goes_before_the_backfill) {
  append(1, 2);
  append(0, 2);
  start_welcomed();
  EXPECT_EQ(sent_frames(), (Sent{"0:1", "0:2", "1:1", "1:2"}));
}

TEST_F(LinkTest, a_backfill_without_credit_does_not_hold_the_live_lane_back) {
  append(1, 3);
  start_welcomed({}, 1);
  EXPECT_EQ(sent_frames(), Sent{"1:1"});
  append(0);
  link->pump();
  EXPECT_EQ(sent_frames(), Sent{"0:1"});
}

TEST_F(LinkTest, a_socket_that_takes_nothing_ends_the_sending_and_not_the_frames) {
  start_welcomed();
  hub.take_all();
  hub.peer().set_accepting(false);
  append(0, 3'000);
  link->pump();
  const std::size_t most = hub.peer().largest_backlog();
  EXPECT_LT(most, 66u * 1'024);
  EXPECT_GT(most, 60u * 1'024);
  EXPECT_EQ(spool->held(), 3'000u);
  hub.peer().set_accepting(true);
  std::size_t seen = 0;
  for (int i = 0; i < 100 && seen < 3'000; ++i) {
    seen += sent_frames().size();
    link->pump();
  }
  EXPECT_EQ(seen, 3'000u) << "each once";
}

TEST_F(LinkTest, a_hole_in_the_spool_is_sent_as_a_gap_in_its_place) {
  append(0, 3);
  spool->refuse(id(2), 0, 2);
  start_welcomed();
  EXPECT_EQ(sent_frames(), (Sent{"0:1", "0:2-2", "0:3"}));
  hub.acknowledge(0, 3);
  hub.until([this] { return spool->held() == 0; }, "the acknowledgement");
}

TEST_F(LinkTest, a_gap_carries_what_was_lost_and_why) {
  append(0, 2);
  spool->refuse(id(2), 0, 1);
  start_welcomed();
  pb::DeviceMessage message;
  while (!message.has_gap()) message = hub.receive();
  ASSERT_EQ(message.gap().gaps_size(), 1);
  EXPECT_EQ(message.gap().gaps(0).reason(), pb::GAP_REASON_REFUSED);
  EXPECT_EQ(message.gap().gaps(0).count(), 1u);
  EXPECT_EQ(message.gap().gaps(0).from_us(), static_cast<double>(clock.now_us()));
}

TEST_F(LinkTest, a_hub_that_needs_definitions_gets_them_and_that_frame_and_all_after_it) {
  append(0, 3);
  start_welcomed();
  EXPECT_EQ(sent_frames().size(), 3u);
  ask_for_definitions(0, 2, 1);
  EXPECT_EQ(hub.take_all(), (Sent{"definitions 0", "0:2", "0:3"}));
  hub.acknowledge(0, 3);
  hub.until([this] { return spool->held() == 0; }, "the acknowledgement");
}

TEST_F(LinkTest, a_frame_whose_series_nobody_can_define_becomes_a_gap_and_blocks_nothing) {
  append(0, 3);
  start_welcomed();
  hub.take_all();
  ask_for_definitions(0, 2, 55);
  EXPECT_EQ(hub.take_all(), (Sent{"0:2-2", "0:3"}));
  EXPECT_EQ(link->rejected_frames(), 1u);
}

TEST_F(LinkTest, definitions_that_did_not_help_are_not_sent_for_ever) {
  append(0, 2);
  start_welcomed();
  hub.take_all();
  ask_for_definitions(0, 1, 1);
  EXPECT_EQ(hub.take_all(), (Sent{"definitions 0", "0:1", "0:2"}));
  ask_for_definitions(0, 1, 1);
  EXPECT_EQ(hub.take_all(), (Sent{"0:1-1", "0:2"}));
}

TEST_F(LinkTest, a_frame_that_closes_every_connection_becomes_a_gap) {
  append(0, 4);
  start_welcomed();
  EXPECT_EQ(sent_frames(), (Sent{"0:1", "0:2", "0:3", "0:4"}));
  hub.refuse(1007, "not a DeviceMessage");
  int connects = 1;
  const auto again = [&](std::vector<std::uint64_t> stored) {
    hub.until_connected(++connects);
    hub.welcome(std::move(stored));
    hub.until([this] { return link->is_welcomed(); }, "the welcome");
    return sent_frames();
  };
  // From here on one at a time, so that the next close names it.
  EXPECT_EQ(again({1}), (Sent{"0:2"}));
  hub.acknowledge(0, 2);
  EXPECT_EQ(sent_frames(), (Sent{"0:3"}));
  for (int i = 0; i < 2; ++i) {
    hub.refuse(1007, "not a DeviceMessage");
    EXPECT_EQ(again({2}), (Sent{"0:3"}));
  }
  EXPECT_EQ(link->rejected_frames(), 0u);
  hub.refuse(1007, "not a DeviceMessage");
  EXPECT_EQ(again({2}), (Sent{"0:3-3"}));
  EXPECT_EQ(link->rejected_frames(), 1u);
  hub.acknowledge(0, 3);
  EXPECT_EQ(sent_frames(), (Sent{"0:4"}));
}

TEST_F(LinkTest, a_frame_larger_than_the_hub_takes_is_not_sent) {
  append(0, 2);
  for (int i = 0; i < 200; ++i) {
    builder.add(builder.alias("temperature", "Cel", pb::VALUE_TYPE_NUMBER, 1'000), clock.now_us() + i * 7'919,
                i * 1.37);
  }
  spool->append(0, builder.close(clock));
  hub.message_limit_bytes = 200;
  start_welcomed();
  EXPECT_EQ(sent_frames(), (Sent{"0:1", "0:2", "0:3-3"}));
  EXPECT_EQ(link->rejected_frames(), 1u);
  EXPECT_NE(logged.str().find("more than the hub takes (200)"), std::string::npos);
}

TEST_F(LinkTest, a_frame_the_hub_refused_is_counted_and_logged_with_the_reason) {
  append(0, 1);
  start_welcomed();
  pb::HubMessage message;
  auto& rejection = *message.mutable_ack()->add_rejected();
  rejection.set_sequence(1);
  rejection.set_detail("columns that do not fit");
  hub.send(message);
  hub.until([this] { return link->rejected_frames() == 1; }, "the rejection");
  EXPECT_NE(logged.str().find("columns that do not fit"), std::string::npos);
}

TEST_F(LinkTest, a_credential_the_hub_does_not_know_is_not_tried_again_soon) {
  hub.fail_with("the token is not known", true);
  start();
  hub.until([this] { return link->state().rfind("waiting", 0) == 0; }, "the wait");
  EXPECT_EQ(link->state(), "waiting 3600 s: refused: the token is not known");
  EXPECT_NE(logged.str().find("device-agent enroll"), std::string::npos) << "what to do about it";
  hub.settle();
  EXPECT_EQ(hub.connects(), 1);
  link->stop();
  hub.until([this] { return tasks.size() == 0; }, "an end without the hour");
  EXPECT_EQ(link->state(), "stopped");
}

TEST_F(LinkTest, a_refusal_in_session_names_its_reason_and_keeps_the_frames) {
  append(0, 2);
  start();
  hub.until_connected(1);
  hub.receive();
  hub.refuse(4003, "this device was removed");
  hub.until([this] { return link->state().rfind("waiting", 0) == 0; }, "the wait");
  EXPECT_EQ(link->state(), "waiting 3600 s: refused: this device was removed");
  EXPECT_EQ(spool->held(), 2u);
  EXPECT_TRUE(happened.empty()) << "it was never welcomed";
}

TEST_F(LinkTest, a_certificate_that_falls_due_is_renewed_in_session_and_used_from_the_next_connection_on) {
  const std::int64_t now_s = clock.now_us() / 1'000'000;
  const auto old = fakes::device_certificate("d1", now_s - 80 * 86'400, now_s + 10 * 86'400);
  credential = {"hub.test", 8'443, "d1", "test", "", "", "hub-1", old.key_pem, old.certificate_pem, 0};
  append(0, 1);
  start();
  hub.until_connected(1);
  EXPECT_EQ(hub.welcome({}, 1 << 20, static_cast<double>(clock.now_us())).ca_bundle_sha256().size(), 32u);
  hub.until([this] { return link->is_welcomed(); }, "the welcome");
  EXPECT_EQ(sent_frames(), Sent{"0:1"});
  link->tick();
  link->tick();
  const auto asked = hub.receive();
  ASSERT_TRUE(asked.has_renew_certificate());
  EXPECT_FALSE(hub.receive_now()) << "once";
  answer_renewal(asked.renew_certificate().csr_der(), now_s);
  hub.until([this] { return saved.size() == 2; }, "the new certificate");  // the first was the time floor
  EXPECT_TRUE(link->is_welcomed());
  reconnect(2);
  EXPECT_EQ(hub.shown().certificate_pem, saved.back().certificate_pem);
  EXPECT_NE(hub.shown().certificate_pem, old.certificate_pem);
  EXPECT_EQ(hub.shown().server_name, "hub-1");
}

TEST_F(LinkTest, an_expired_certificate_is_renewed_before_anything_else_is_said) {
  const std::int64_t now_s = clock.now_us() / 1'000'000;
  const auto old = fakes::device_certificate("d1", now_s - 90 * 86'400, now_s - 1);
  credential = {"hub.test", 8'443, "d1", "test", "", "", "hub-1", old.key_pem, old.certificate_pem, 0};
  append(0, 1);
  start();
  hub.until_connected(1);
  EXPECT_TRUE(hub.receive().has_hello());
  hub.refuse(4012, "expired");
  hub.until_connected(2);
  const auto asked = hub.receive();
  ASSERT_TRUE(asked.has_renew_certificate());
  answer_renewal(asked.renew_certificate().csr_der(), now_s);
  hub.until_connected(3);
  EXPECT_EQ(hub.shown().certificate_pem, saved.back().certificate_pem);
  hub.welcome();
  EXPECT_EQ(sent_frames(), Sent{"0:1"});
}

TEST_F(LinkTest, an_expired_certificate_that_is_not_renewed_is_a_refusal) {
  const std::int64_t now_s = clock.now_us() / 1'000'000;
  const auto old = fakes::device_certificate("d1", now_s - 90 * 86'400, now_s - 1);
  credential = {"hub.test", 8'443, "d1", "test", "", "", "hub-1", old.key_pem, old.certificate_pem, 0};
  start();
  hub.until_connected(1);
  hub.receive();
  hub.refuse(4012, "expired");
  hub.until_connected(2);
  ASSERT_TRUE(hub.receive().has_renew_certificate());
  pb::HubMessage message;
  message.mutable_renewed_certificate()->set_problem("revoked meanwhile");
  hub.send(message);
  hub.until([this] { return link->state().rfind("waiting", 0) == 0; }, "the wait");
  EXPECT_EQ(link->state(), "waiting 3600 s: refused: the certificate had expired");
  EXPECT_NE(logged.str().find("revoked meanwhile"), std::string::npos);
  EXPECT_EQ(hub.connects(), 2);
}

TEST_F(LinkTest, a_session_that_ends_with_its_certificate_goes_on_with_the_renewed_one) {
  const std::int64_t now_s = clock.now_us() / 1'000'000;
  const auto old = fakes::device_certificate("d1", now_s - 80 * 86'400, now_s + 10 * 86'400);
  credential = {"hub.test", 8'443, "d1", "test", "", "", "hub-1", old.key_pem, old.certificate_pem, 0};
  start();
  hub.until_connected(1);
  hub.welcome({}, 1 << 20, static_cast<double>(clock.now_us()));
  hub.until([this] { return link->is_welcomed(); }, "the welcome");
  link->tick();
  answer_renewal(hub.receive().renew_certificate().csr_der(), now_s);
  hub.until([this] { return saved.size() == 2; }, "the new certificate");
  hub.refuse(4012, "expired");
  hub.until_connected(2);
  EXPECT_TRUE(hub.receive().has_hello());
  EXPECT_EQ(hub.shown().certificate_pem, saved.back().certificate_pem);
}

TEST_F(LinkTest, a_session_fenced_by_a_newer_one_reconnects_now) {
  append(0, 1);
  start_welcomed();
  hub.peer().hang_up(wire::CloseReason(4201, "replaced"));
  hub.until_connected(2);
  hub.welcome();
  EXPECT_EQ(sent_frames(), Sent{"0:1"});
}

TEST_F(LinkTest, now_means_within_a_second) {
  start(0xff);
  hub.until_connected(1);
  hub.welcome();
  hub.until([this] { return link->is_welcomed(); }, "the welcome");
  hub.peer().hang_up(wire::CloseReason(4203, "the hub is shutting down"));
  hub.until([this] { return !link->is_welcomed() && link->state() != "connected"; }, "the wait");
  EXPECT_EQ(link->state(), "waiting 1 s: the hub is shutting down");
}

TEST_F(LinkTest, the_hub_s_hint_is_the_shortest_wait) {
  for (const std::uint32_t code : {4102u, 4203u}) {
    start();
    hub.until_connected(hub.connects() + 1);
    hub.receive();
    hub.refuse(code, "busy", 120'000);
    hub.until([this] { return link->state().rfind("waiting", 0) == 0; }, "the wait");
    EXPECT_EQ(link->state(), "waiting 120 s: busy") << code;
    link->stop();
    hub.until([this] { return tasks.size() == 0; }, "the end");
  }
}

TEST_F(LinkTest, a_hub_that_cannot_be_reached_is_tried_again) {
  hub.fail_with("connection refused", false);
  start();
  hub.until([this] { return hub.connects() >= 3; }, "the third try");
  hub.accept();
  hub.until([this] { return link->state() == "connecting" || hub.connects() >= 4; }, "the next try");
  hub.until_connected(4);
  hub.welcome();
  hub.until([this] { return link->state() == "connected"; }, "the connection");
}

TEST_F(LinkTest, the_first_wait_is_at_most_a_second) {
  hub.fail_with("connection refused", false);
  start(0xff);
  hub.until([this] { return link->state().rfind("waiting", 0) == 0; }, "the wait");
  EXPECT_EQ(link->state(), "waiting 1 s: connection refused");
}

TEST_F(LinkTest, each_failure_doubles_the_longest_wait_and_a_session_that_lasted_begins_anew) {
  hub.fail_with("connection refused", false);
  start();
  hub.until([this] { return hub.connects() == 3; }, "three failures");
  random->set(0xff);
  hub.until([this] { return hub.connects() == 4; }, "the fourth");
  hub.settle();
  EXPECT_EQ(link->state(), "waiting 8 s: connection refused");
  link->stop();
  hub.until([this] { return tasks.size() == 0; }, "the end");

  start();
  hub.until([this] { return hub.connects() == 7; }, "three failures more");
  hub.accept();
  hub.until_connected(8);
  hub.welcome();
  hub.until([this] { return link->is_welcomed(); }, "the welcome");
  clock.advance(10'000'000);
  random->set(0xff);
  hub.peer().hang_up(wire::CloseReason(1001, "away"));
  hub.until([this] { return link->state().rfind("waiting", 0) == 0; }, "the wait");
  EXPECT_EQ(link->state(), "waiting 1 s: away");
}

TEST_F(LinkTest, a_hub_that_welcomes_and_drops_at_once_is_not_hammered) {
  for (const std::uint16_t code : {1006, 1001, 4201}) {
    start();
    const int before = hub.connects();
    for (int i = 1; i <= 4; ++i) {
      hub.until_connected(before + i);
      hub.welcome();
      hub.until([this] { return link->is_welcomed(); }, "the welcome");
      if (i == 4) random->set(0xff);
      hub.peer().hang_up(wire::CloseReason(code, "no"));
      hub.until([this] { return !link->is_welcomed(); }, "the end of the session");
    }
    hub.until([this] { return link->state().rfind("waiting", 0) == 0; }, "the wait");
    EXPECT_EQ(link->state().substr(0, 11), "waiting 8 s") << code;
    link->stop();
    hub.until([this] { return tasks.size() == 0; }, "the end");
  }
}

TEST_F(LinkTest, the_server_s_retry_after_is_honoured_and_bounded) {
  std::int64_t wish_s = 0;
  connector = [&wish_s](Credential, HandshakeTime) -> wire::Awaitable<HubConnection> {
    HubConnection none("the hub is busy (status 503)", false);
    none.retry_after_s = wish_s;
    co_return none;
  };
  for (const auto& [wish, wait] : {std::pair<std::int64_t, std::string>{90, "90"}, {86'400, "3600"}, {-5, "0"}}) {
    wish_s = wish;
    start();
    hub.until([this] { return link->state().rfind("waiting", 0) == 0; }, "the wait");
    EXPECT_EQ(link->state(), "waiting " + wait + " s: the hub is busy (status 503)");
    link->stop();
    hub.until([this] { return tasks.size() == 0; }, "the end");
  }
}

TEST_F(LinkTest, stop_ends_a_connect_at_once_whatever_it_waits_for) {
  bool began = false;
  connector = [this, &began](Credential, HandshakeTime) -> wire::Awaitable<HubConnection> {
    began = true;
    boost::asio::steady_timer hour(io, std::chrono::hours(1));
    co_await hour.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    co_return HubConnection("an hour later", false);
  };
  start();
  hub.until([&began] { return began; }, "the connect");
  const auto asked = std::chrono::steady_clock::now();
  link->stop();
  hub.until([this] { return tasks.size() == 0; }, "the end");
  EXPECT_LT(std::chrono::steady_clock::now() - asked, std::chrono::seconds(1));
  EXPECT_EQ(link->state(), "stopped");
}

TEST_F(LinkTest, a_hub_that_never_says_welcome_is_left) {
  limits.welcome = std::chrono::milliseconds(30);
  start();
  hub.until_connected(1);
  EXPECT_TRUE(hub.receive().has_hello());
  hub.until_connected(2);
  EXPECT_EQ(link->counters().last_error, "the hub did not answer Hello in time");
}

TEST_F(LinkTest, a_refusal_without_its_close_ends_too) {
  limits.goodbye = std::chrono::milliseconds(30);
  start_welcomed();
  pb::HubMessage message;
  message.mutable_refusal()->set_close_code(4203);
  message.mutable_refusal()->set_reason("shutting\ndown");
  hub.send(message);
  hub.until_connected(2);
  EXPECT_EQ(link->counters().last_error, "shutting down") << "in one line";
}

TEST_F(LinkTest, a_hub_that_never_acknowledges_is_told_of_and_then_left) {
  append(0, 2);
  start_welcomed();
  clock.advance(60'000'000);
  link->tick();
  EXPECT_TRUE(link->is_welcomed());
  EXPECT_EQ(link->problem(), "the hub has acknowledged nothing for 60 s");
  clock.advance(61'000'000);
  link->tick();
  hub.until_connected(2);
  EXPECT_EQ(link->counters().last_error, "the hub has acknowledged nothing for 121 s");
  EXPECT_EQ(spool->held(), 2u);
}

TEST_F(LinkTest, a_hub_that_gives_no_credit_is_told_of_and_gets_nothing) {
  append(0, 1);
  start_welcomed({}, 0);
  clock.advance(15'000'000);
  link->pump();
  EXPECT_EQ(link->problem(), "the hub has given no credit for 15 s: nothing is sent");
  EXPECT_FALSE(link->is_live()) << "what is measured now goes into the backfill";
  EXPECT_TRUE(sent_frames().empty());
  pb::HubMessage more;
  more.mutable_credits()->set_live_bytes(100'000);
  hub.send(more);
  EXPECT_EQ(sent_frames(), Sent{"0:1"});
  EXPECT_EQ(link->problem(), "");
  EXPECT_TRUE(link->is_live());
}

TEST_F(LinkTest, counters_tell_of_attempts_errors_and_the_way) {
  hub.fail_with("connection refused", false);
  start();
  hub.until([this] { return hub.connects() == 2; }, "two failures");
  EXPECT_EQ(link->counters().last_error, "connection refused");
  hub.accept();
  append(0, 1);
  hub.until([this] { return hub.has_peer(); }, "the connection");
  hub.welcome();
  EXPECT_EQ(sent_frames(), Sent{"0:1"});
  clock.advance(40'000);
  hub.acknowledge(0, 1);
  hub.until([this] { return spool->held() == 0; }, "the acknowledgement");
  EXPECT_EQ(link->frames().ack_us(), 40'000);
  EXPECT_EQ(link->counters().sessions, 1u);
  EXPECT_EQ(link->counters().attempts, static_cast<std::uint64_t>(hub.connects()));
}

TEST_F(LinkTest, a_hub_that_talks_nonsense_is_left_and_tried_again) {
  append(0, 1);
  start();
  hub.until_connected(1);
  hub.receive();
  hub.peer().send("\xff\xff\xff no message");
  hub.until_connected(2);
  pb::HubMessage wrong;
  wrong.mutable_welcome();  // as if for a Hello without streams
  hub.receive();
  hub.send(wrong);
  hub.until_connected(3);
  hub.welcome();
  EXPECT_EQ(sent_frames(), Sent{"0:1"});
}

TEST_F(LinkTest, messages_for_others_reach_them) {
  start_welcomed();
  pb::HubMessage message;
  message.mutable_execution()->set_id("e1");
  hub.send(message);
  hub.until([this] { return messages.size() == 1; }, "the message");
  EXPECT_EQ(messages[0].execution().id(), "e1");
  hub.take_all();
  pb::DeviceMessage answer;
  answer.mutable_execution()->set_id("e1");
  EXPECT_TRUE(link->send(answer));
  EXPECT_EQ(hub.receive().execution().id(), "e1");
}

TEST_F(LinkTest, stop_says_good_bye) {
  start_welcomed();
  link->stop();
  hub.until([this] { return tasks.size() == 0; }, "the end");
  const auto bye = hub.peer().wait_for_close();
  EXPECT_EQ(bye.code, 1001);
  EXPECT_EQ(hub.connects(), 1);
}

}  // namespace
}  // namespace agent::link_test
