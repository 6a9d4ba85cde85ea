// A viewer session's far end as server-sent events: what is on the wire.
#include "hub/web/event_stream.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "hub/web/live_batch.h"
#include "wire/errc.h"

namespace hub::web {
namespace {

namespace pb = telemetry::v1;

struct Wire {
  std::string text;
  std::size_t backlog = 0;
  bool finished = false, aborted = false;
};

class ScriptedStream final : public wire::ResponseStream {
 public:
  ScriptedStream(boost::asio::any_io_executor executor, Wire& wire) : executor_(std::move(executor)), wire_(wire) {}
  wire::error_code write(std::string_view piece) override {
    if (wire_.finished) return wire::errc::closed;
    if (wire_.backlog > 1'000) return wire::errc::backlog_full;
    wire_.text += piece;
    return {};
  }
  std::size_t backlog_bytes() const override { return wire_.backlog; }
  wire::Awaitable<wire::error_code> drained() override { co_return wire::error_code{}; }
  wire::Awaitable<wire::error_code> gone() override { co_return wire::error_code(wire::errc::closed); }
  void finish() override { wire_.finished = true; }
  void abort() override { wire_.aborted = true; }
  boost::asio::any_io_executor executor() override { return executor_; }
  std::string remote_address() const override { return "127.0.0.1"; }

 private:
  boost::asio::any_io_executor executor_;
  Wire& wire_;
};

struct EventStreamTest : testing::Test {
  std::unique_ptr<wire::Connection> open(LiveWish wish = {}) {
    return make_event_stream(std::make_unique<ScriptedStream>(io.get_executor(), sent), std::move(wish));
  }
  void close(wire::Connection& connection, std::uint16_t code) {
    boost::asio::co_spawn(io, connection.close(wire::CloseReason(code, "why")), boost::asio::detached);
    io.poll();
    io.restart();
  }
  static std::string phase(pb::LivePhase::Phase phase, const std::string& position) {
    pb::LiveMessage message;
    message.add_phases()->set_phase(phase);
    message.set_position(position);
    message.set_event_id(3);
    message.set_sent_us(5);
    return message.SerializeAsString();
  }
  boost::asio::io_context io{1};
  Wire sent;
};

TEST_F(EventStreamTest, a_batch_is_one_event_whose_id_is_the_position) {
  const auto stream = open();
  EXPECT_EQ(sent.text, "retry: 1000\n\n");
  sent.text.clear();
  EXPECT_FALSE(stream->write(phase(pb::LivePhase::PHASE_LIVE, "p")));
  EXPECT_EQ(
      sent.text,
      "id: cA.3\ndata: {\"messages\":[{\"type\":\"phase\",\"phase\":\"live\",\"tier_hz\":0}],\"position\":\"cA.3\","
      "\"event_id\":3,\"phase\":\"live\",\"sent\":5,\"commit\":null}\n\n");
  sent.text.clear();
  EXPECT_FALSE(stream->write(phase(pb::LivePhase::PHASE_LIVE, "")));
  EXPECT_EQ(sent.text.find("id: "), std::string::npos);  // no position yet
}

TEST_F(EventStreamTest, the_session_hears_a_hello_and_one_subscribe_then_the_end) {
  LiveWish wish;
  wish.hello.set_resume_event_id(7);
  wish.subscribe.set_id(1);
  const auto stream = open(wish);
  std::string first, second, third;
  wire::error_code ec;
  const auto read = [](wire::Connection& from, std::string& a, std::string& b, std::string& c,
                       wire::error_code& last) -> boost::asio::awaitable<void> {
    (void)co_await from.read(a);
    (void)co_await from.read(b);
    last = co_await from.read(c);
  };
  boost::asio::co_spawn(io, read(*stream, first, second, third, ec), boost::asio::detached);
  io.poll();
  pb::ViewerMessage message;
  ASSERT_TRUE(message.ParseFromString(first));
  EXPECT_EQ(message.hello().resume_event_id(), 7u);
  ASSERT_TRUE(message.ParseFromString(second));
  EXPECT_EQ(message.subscribe().id(), 1u);
  EXPECT_TRUE(ec);
}

TEST_F(EventStreamTest, the_end_says_why_and_when_to_come_again) {
  const std::pair<std::uint16_t, std::string> ends[] = {
      {4203, "event: end\ndata: {\"code\":4203,\"reason\":\"why\",\"again\":true}\n\n"},
      {4001, "event: end\ndata: {\"code\":4001,\"reason\":\"why\",\"again\":false}\n\n"},
      {4102, "retry: 15000\nevent: end\ndata: {\"code\":4102,\"reason\":\"why\",\"again\":true}\n\n"},
  };
  for (const auto& [code, text] : ends) {
    sent = {};
    const auto stream = open();
    sent.text.clear();
    close(*stream, code);
    EXPECT_EQ(sent.text, text);
    EXPECT_TRUE(sent.finished);
    EXPECT_TRUE(stream->write(phase(pb::LivePhase::PHASE_LIVE, "p")));
    stream->abort();
    EXPECT_FALSE(sent.aborted);  // what waits is still sent
  }
}

TEST_F(EventStreamTest, a_closed_range_ends_the_stream_for_good) {
  LiveWish wish;
  wish.subscribe.set_to_us(10);
  const auto stream = open(wish);
  EXPECT_FALSE(stream->write(phase(pb::LivePhase::PHASE_PAUSED, "")));
  EXPECT_TRUE(
      sent.text.ends_with("id: end\nevent: end\ndata: {\"code\":1000,\"reason\":\"complete\",\"again\":false}\n\n"));
  EXPECT_TRUE(sent.finished);
}

TEST_F(EventStreamTest, where_too_much_is_unsent_the_session_is_told) {
  const auto stream = open();
  sent.backlog = 2'000;
  EXPECT_EQ(stream->write(phase(pb::LivePhase::PHASE_LIVE, "p")), wire::error_code(wire::errc::backlog_full));
  EXPECT_EQ(stream->backlog_bytes(), 2'000u);
}

TEST_F(EventStreamTest, silence_is_broken_by_a_comment_unless_something_waits) {
  constexpr std::chrono::milliseconds kBrief{10};
  EXPECT_EQ(kEventStreamSilence, std::chrono::seconds(15));
  const auto stream = make_event_stream(std::make_unique<ScriptedStream>(io.get_executor(), sent), LiveWish(), kBrief);
  sent.text.clear();
  io.run_one();
  EXPECT_EQ(sent.text, ":\n\n");
  sent.backlog = 100;
  io.run_one();
  EXPECT_EQ(sent.text, ":\n\n") << "the socket is full: what waits there will be heard";
  sent.backlog = 0;
  io.run_one();
  EXPECT_EQ(sent.text, ":\n\n:\n\n");
  stream->abort();
}

}  // namespace
}  // namespace hub::web
