// What waits between polls: each message in one answer, and none lost with a lost answer.
#include "hub/web/poll_mailbox.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>

#include "hub/web/poll_desk.h"
#include "wire/errc.h"

namespace hub::web {
namespace {

LiveBatch batch(const std::string& name, const std::string& position = "p") {
  LiveBatch one;
  if (!name.empty()) one.messages = "{\"type\":\"" + name + "\"}";
  one.position.bytes = position;
  one.sent_us = 1;
  one.is_worth_waking = !name.empty() && name != "hub";
  return one;
}

struct Poll {
  bool woken = false;
  PollMailbox::Wake wake() {
    return [this] { woken = true; };
  }
};

std::vector<std::string> types(const std::optional<std::string>& answer) {
  std::vector<std::string> found;
  const auto parsed = boost::json::parse(answer.value());
  for (const auto& one : parsed.at("messages").as_array()) found.emplace_back(one.at("type").as_string());
  return found;
}
using Types = std::vector<std::string>;

TEST(PollMailbox, a_poll_waits_until_there_is_something_worth_it) {
  PollMailbox mailbox("id", "ann", "same");
  Poll poll;
  mailbox.wait(1, 0, poll.wake());
  mailbox.put(batch("hub"));
  mailbox.put(batch("", "q"));  // only the position moved
  EXPECT_EQ(mailbox.waiting_bytes(), 0u);
  EXPECT_FALSE(poll.woken);
  mailbox.put(batch("update", "r"));
  EXPECT_TRUE(poll.woken);
  const auto answer = mailbox.take(0);
  EXPECT_EQ(types(answer), (Types{"hub", "update"}));
  EXPECT_EQ(boost::json::parse(*answer).at("position").as_string(), LivePosition({"r", 0, "id", 1}).to_text());
  EXPECT_EQ(mailbox.waiting_bytes(), 0u);
}

TEST(PollMailbox, an_answer_that_got_lost_is_given_again_and_one_that_arrived_is_not) {
  PollMailbox mailbox("id", "ann", "same");
  mailbox.put(batch("one"));
  const auto answer = mailbox.take(0);
  mailbox.put(batch("two"));
  Poll again;
  mailbox.wait(2, 0, again.wake());
  EXPECT_TRUE(again.woken);
  EXPECT_EQ(mailbox.take(0), answer);
  EXPECT_EQ(types(mailbox.take(1)), (Types{"two"}));
  EXPECT_FALSE(mailbox.take(0));  // that was long ago
  EXPECT_EQ(types(mailbox.take(2)), Types{});
  EXPECT_EQ(types(mailbox.take(2)), Types{});  // an empty one has no number of its own
}

TEST(PollMailbox, a_poll_goes_on_only_with_its_credential_its_question_and_its_answer) {
  PollMailbox mailbox("id", "ann", "same");
  mailbox.put(batch("one"));
  (void)mailbox.take(0);
  EXPECT_TRUE(mailbox.is_for("ann", "same", 1));
  EXPECT_TRUE(mailbox.is_for("ann", "same", 0));
  EXPECT_FALSE(mailbox.is_for("bob", "same", 1));
  EXPECT_FALSE(mailbox.is_for("ann", "other", 1));
  EXPECT_FALSE(mailbox.is_for("ann", "same", 2));
  (void)mailbox.take(1);
  EXPECT_FALSE(mailbox.is_for("ann", "same", 0));
}

TEST(PollMailbox, answers_are_bounded_and_a_message_is_never_cut) {
  PollMailbox mailbox("id", "ann", "same");
  const std::string large(PollMailbox::kAnswerBytes * 2 / 3, 'x');
  for (int i = 0; i < 3; ++i) mailbox.put(batch(large));
  EXPECT_GT(mailbox.waiting_bytes(), 3 * large.size());
  int taken = 0;
  mailbox.open([&] { ++taken; });
  for (std::uint64_t number = 0; number < 3; ++number) {
    EXPECT_GT(mailbox.waiting_bytes(), 0u);
    EXPECT_EQ(types(mailbox.take(number)).size(), 1u);
    EXPECT_EQ(taken, number == 2 ? 1 : 0);  // the session writes more once all is taken
  }
  EXPECT_EQ(mailbox.waiting_bytes(), 0u);
}

TEST(PollMailbox, a_newer_poll_sends_the_older_one_home_and_time_does_too) {
  PollMailbox mailbox("id", "ann", "same");
  Poll older, newer;
  mailbox.wait(1, 0, older.wake());
  mailbox.wait(2, 0, newer.wake());
  EXPECT_TRUE(older.woken);
  EXPECT_FALSE(newer.woken);
  EXPECT_EQ(types(mailbox.take(0)), Types{});
  mailbox.give_up(1);  // the older one's time; it is not there any more
  EXPECT_FALSE(newer.woken);
  mailbox.give_up(2);
  EXPECT_TRUE(newer.woken);
}

TEST(PollMailbox, the_end_comes_behind_all_that_waits) {
  PollMailbox mailbox("id", "ann", "same");
  const std::string large(PollMailbox::kAnswerBytes * 2 / 3, 'x');
  mailbox.put(batch(large));
  mailbox.put(batch(large));
  mailbox.end({1000, "complete"}, false);
  EXPECT_TRUE(mailbox.is_ended());
  EXPECT_FALSE(mailbox.is_left());
  mailbox.end({4203, "shutting down"});
  EXPECT_TRUE(mailbox.is_left());
  EXPECT_TRUE(boost::json::parse(*mailbox.take(0)).at("end").is_null());
  const auto last = boost::json::parse(*mailbox.take(1));
  EXPECT_EQ(last.at("end").at("code"), 1000);
  EXPECT_EQ(last.at("end").at("again"), false);
}

TEST(PollViewer, a_complete_range_is_held_until_it_was_fetched_and_what_follows_is_dropped) {
  boost::asio::io_context io(1);
  const auto desk = std::make_shared<PollDesk>();
  LiveWish wish;
  wish.subscribe.set_to_us(10);
  const auto mailbox = desk->open("ann", "key", wish);
  auto viewer = make_poll_viewer(io.get_executor(), mailbox, wish, desk, "127.0.0.1", 1'000);
  telemetry::v1::LiveMessage message;
  message.add_phases()->set_phase(telemetry::v1::LivePhase::PHASE_PAUSED);
  message.set_sent_us(1);
  const std::string bytes = message.SerializeAsString();
  EXPECT_FALSE(viewer->write(bytes));
  EXPECT_FALSE(viewer->write(bytes));
  EXPECT_TRUE(mailbox->is_ended());
  EXPECT_FALSE(mailbox->is_left());
  const auto answer = boost::json::parse(*mailbox->take(0));
  EXPECT_EQ(answer.at("messages").as_array().size(), 1u);
  EXPECT_EQ(answer.at("end").at("code"), 1000);
  viewer->abort();
  EXPECT_TRUE(viewer->write(bytes));
  EXPECT_EQ(desk->size(), 1u);
  viewer.reset();
  EXPECT_EQ(desk->size(), 0u);
}

TEST(PollViewer, one_that_nobody_polls_for_ends_and_leaves_the_desk) {
  boost::asio::io_context io(1);
  const auto desk = std::make_shared<PollDesk>();
  const auto mailbox = desk->open("ann", "key", {});
  constexpr std::chrono::milliseconds kBrief{20};
  auto viewer = make_poll_viewer(io.get_executor(), mailbox, {}, desk, "127.0.0.1", 1'000, kBrief);
  EXPECT_EQ(kPollIdle, std::chrono::minutes(1));
  wire::error_code ended;
  auto until_ended = [](wire::Connection& of, wire::error_code& why) -> wire::Awaitable<void> {
    std::string message;
    while (!why) {
      why = co_await of.read(message);
    }
  };
  const auto began = std::chrono::steady_clock::now();
  boost::asio::co_spawn(io, until_ended(*viewer, ended), boost::asio::detached);
  io.run();
  EXPECT_EQ(ended, wire::error_code(wire::errc::timed_out));
  EXPECT_GE(std::chrono::steady_clock::now() - began, kBrief);
  viewer.reset();
  EXPECT_EQ(desk->size(), 0u);
  EXPECT_EQ(desk->find({}, "key"), nullptr);
}

TEST(PollViewer, more_than_may_wait_is_not_taken) {
  boost::asio::io_context io(1);
  const auto desk = std::make_shared<PollDesk>();
  const auto mailbox = desk->open("ann", "key", {});
  const auto viewer = make_poll_viewer(io.get_executor(), mailbox, {}, desk, "127.0.0.1", 100);
  telemetry::v1::LiveMessage message;
  for (int i = 0; i < 10; ++i) message.add_freshness()->set_series(1);
  message.set_sent_us(1);
  const std::string bytes = message.SerializeAsString();
  EXPECT_FALSE(viewer->write(bytes));
  EXPECT_EQ(viewer->write(bytes), wire::error_code(wire::errc::backlog_full));
  (void)mailbox->take(0);
  EXPECT_FALSE(viewer->write(bytes));
}

TEST(PollDesk, a_session_is_found_by_who_opened_it_and_the_one_not_polled_for_longest_makes_room) {
  PollDesk desk;
  std::vector<std::shared_ptr<PollMailbox>> opened;
  for (std::size_t i = 0; i <= PollDesk::kPerUser; ++i) {
    LiveWish wish;
    wish.same = "series=t*";
    opened.push_back(desk.open("ann", "key", wish));
  }
  EXPECT_EQ(desk.size(), PollDesk::kPerUser);
  std::size_t ended = 0;
  for (const auto& one : opened) ended += one->is_ended() ? 1 : 0;
  EXPECT_EQ(ended, 1u);
  LiveWish next;
  next.same = "series=t*";
  next.position.session = opened.back()->id();
  EXPECT_EQ(desk.find(next, "key"), opened.back());
  EXPECT_EQ(desk.find(next, "other key"), nullptr);
  desk.remove(opened.back()->id());
  EXPECT_EQ(desk.find(next, "key"), nullptr);
  LiveWish bobs;
  EXPECT_NE(desk.open("bob", "b", bobs)->id(), opened.back()->id());
}

}  // namespace
}  // namespace hub::web
