#include "device-agent/link/link.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

#include "device-agent/spool/frame_builder.h"
#include "tests/fakes/device_certificates.h"
#include "tests/fakes/fixed_random.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/scripted_hub.h"
#include "tests/fakes/temp_folder.h"

namespace agent {
namespace {

namespace pb = telemetry::v1;
using Sent = std::vector<std::string>;

base::Id128 id(std::uint8_t n) {
  base::Id128 made{};
  made.fill(n);
  return made;
}

class LinkTest : public ::testing::Test {
 protected:
  LinkTest() { open_spool(2); }
  ~LinkTest() override {
    if (!link) return;
    link->stop();
    hub.until([this] { return tasks.size() == 0; }, "the end of the link");
  }
  void open_spool(std::uint8_t epoch) { spool = Spool::open({folder.path()}, id(epoch), id(99)).value(); }
  void append(std::uint8_t lane, int frames = 1) {
    for (int i = 0; i < frames; ++i) {
      builder.add(builder.alias("temperature", "Cel", pb::VALUE_TYPE_NUMBER, 1'000), clock.now_us(), 21.5);
      spool->append(lane, builder.close(clock));
      spool->set_definitions(builder.definitions());
    }
  }
  void start(std::uint8_t random_byte = 0) {
    random = std::make_unique<fakes::FixedRandom>(random_byte);
    LinkEvents events;
    events.welcomed = [this](const pb::Welcome&) { happened.push_back("welcomed"); };
    events.message = [this](const pb::HubMessage& m) { messages.push_back(m); };
    events.disconnected = [this] { happened.push_back("disconnected"); };
    const auto save = [this](const Credential& changed) {
      saved.push_back(changed);
      return base::Result<void>();
    };
    keeper = std::make_unique<CredentialKeeper>(credential, save, clock, log);
    link = std::make_unique<Link>(io.get_executor(), *keeper, *spool, clock, *random, log, std::move(events),
                                  hub.connector());
    tasks.spawn(link->run());
  }
  pb::Hello start_welcomed(std::vector<std::uint64_t> stored = {}, std::uint32_t credit_bytes = 1 << 20) {
    start();
    hub.until_connected(1);
    auto hello = hub.welcome(std::move(stored), credit_bytes);
    hub.until([this] { return link->is_welcomed(); }, "the welcome");
    return hello;
  }
  pb::Hello reconnect(int times, std::vector<std::uint64_t> stored = {}) {
    hub.peer().hang_up();
    hub.until_connected(times);
    auto hello = hub.welcome(std::move(stored));
    hub.until([this] { return link->is_welcomed(); }, "the welcome");
    return hello;
  }
  static Sent frames_of(const Sent& all) {
    Sent frames;
    for (const auto& s : all) {
      if (s.find(':') != std::string::npos) frames.push_back(s);
    }
    return frames;
  }
  Sent sent_frames() { return frames_of(hub.take_all()); }
  void answer_renewal(const std::string& csr, std::int64_t from_s) {
    pb::HubMessage message;
    message.mutable_renewed_certificate()->set_certificate_pem(
        wire::sign_device_certificate(fakes::test_ca("device CA"), csr, "d1", from_s, from_s + 90 * 86'400).value());
    hub.send(message);
  }
  void ask_for_definitions(std::uint32_t stream, std::uint64_t sequence, std::uint32_t alias) {
    pb::HubMessage message;
    auto& need = *message.mutable_need_definitions();
    need.set_stream(stream);
    need.set_sequence(sequence);
    need.add_aliases(alias);
    hub.send(message);
  }

  boost::asio::io_context io{1};
  fakes::TempFolder folder;
  fakes::ManualClock clock;
  std::ostringstream logged;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(logged));
  fakes::ScriptedHub hub{io};
  wire::TaskGroup tasks{io.get_executor(), [](const std::exception& e) { ADD_FAILURE() << e.what(); }};
  std::unique_ptr<fakes::FixedRandom> random;
  std::unique_ptr<Spool> spool;
  FrameBuilder builder;
  std::vector<std::string> happened;
  std::vector<pb::HubMessage> messages;
  Credential credential{"hub.test", 8'443, "d1", "test", "secret", "", "", "", "", 0};
  std::vector<Credential> saved;
  std::unique_ptr<CredentialKeeper> keeper;
  std::unique_ptr<Link> link;
};

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
  append(0, 3);
  start_welcomed({2});
  EXPECT_EQ(hub.take_all(), (Sent{"definitions 0", "0:3"}));
  EXPECT_EQ(happened, Sent{"welcomed"});
  EXPECT_EQ(link->state(), "connected");
  EXPECT_EQ(spool->held(), 1u);
  append(0);
  link->pump();
  EXPECT_EQ(hub.take_all(), Sent{"0:4"});
}

TEST_F(LinkTest, an_acknowledgement_forgets_everything_up_to_it) {
  append(0, 5);
  start_welcomed();
  EXPECT_EQ(sent_frames().size(), 5u);
  EXPECT_EQ(spool->held(), 5u);
  hub.acknowledge(0, 3);
  hub.until([this] { return spool->held() == 2; }, "the acknowledgement");
  hub.acknowledge(7, 100);  // no such stream
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

TEST_F(LinkTest, each_failure_doubles_the_longest_wait_and_a_welcome_begins_anew) {
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
  random->set(0xff);
  hub.peer().hang_up(wire::CloseReason(1001, "away"));
  hub.until([this] { return link->state().rfind("waiting", 0) == 0; }, "the wait");
  EXPECT_EQ(link->state(), "waiting 1 s: away");
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
}  // namespace agent
