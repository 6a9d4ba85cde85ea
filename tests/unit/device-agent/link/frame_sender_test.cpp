#include "device-agent/link/frame_sender.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <map>

#include "device-agent/spool/frame_builder.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/scripted_connection.h"
#include "tests/fakes/temp_folder.h"

namespace agent {
namespace {

namespace pb = telemetry::v1;

base::Id128 id(std::uint8_t n) {
  base::Id128 made{};
  made.fill(n);
  return made;
}

/// A radio link of so many bytes a second with a deep buffer, and a hub that acknowledges what has arrived.
class SlowLink : public ::testing::Test {
 protected:
  SlowLink() { peer->set_accepting(false); }

  void append(std::uint8_t lane, int readings) {
    for (int i = 0; i < readings; ++i) {
      builder.add(1 + static_cast<std::uint32_t>(i % 10), clock.now_us() + i * 1'003, i * 1.37);
    }
    spool->append(lane, builder.close(clock));
  }
  void welcome() {
    pb::Hello hello;
    sender.describe(hello);
    pb::Welcome welcome;
    for (int i = 0; i < hello.streams_size(); ++i) welcome.add_streams();
    welcome.set_credit_bytes_live(1 << 20);
    welcome.set_credit_bytes_backfill(1 << 20);
    ASSERT_EQ(sender.welcomed(welcome, connection), "");
    sender.pump();
  }
  /// Everything the device wrote goes into the pipe at once: the socket's buffer is large, and hides it from backlog.
  void step(std::int64_t us, std::size_t bytes_per_s) {
    clock.advance(us);
    peer->take(peer->messages_written());
    while (auto bytes = peer->try_receive()) {
      pb::DeviceMessage message;
      ASSERT_TRUE(message.ParseFromString(*bytes));
      in_pipe_bytes += bytes->size();
      most_in_pipe = std::max(most_in_pipe, in_pipe_bytes);
      pipe.push_back({std::move(message), bytes->size()});
    }
    allowance = std::min(allowance + static_cast<double>(us) * static_cast<double>(bytes_per_s) / 1e6, 1500.0);
    pb::FrameAck ack;
    while (!pipe.empty() && static_cast<double>(pipe.front().second) <= allowance + 0.5) {
      take(ack);
    }
    // A frame larger than what flows in one step is cut into packets.
    if (!pipe.empty() && pipe.front().second > 1'500) {
      const auto part = static_cast<std::size_t>(std::min(allowance, static_cast<double>(pipe.front().second - 1'000)));
      pipe.front().second -= part;
      in_pipe_bytes -= part;
      delivered_bytes += part;
      allowance -= static_cast<double>(part);
    }
    if (ack.streams_size() > 0) {
      EXPECT_EQ(sender.acknowledged(ack), "");
    }
  }
  void take(pb::FrameAck& ack) {
    const auto [message, size] = std::move(pipe.front());
    pipe.pop_front();
    allowance -= static_cast<double>(size);
    in_pipe_bytes -= size;
    delivered_bytes += size;
    if (!message.has_frame()) return;
    auto& one = *ack.add_streams();
    one.set_stream(message.frame().stream());
    one.set_stored(message.frame().sequence());
    if (message.frame().stream() == 0) arrived_us[message.frame().sequence()] = clock.boot_us();
  }

  boost::asio::io_context io{1};
  fakes::TempFolder folder;
  fakes::ManualClock clock;
  std::unique_ptr<Spool> spool = Spool::open({folder.path()}, id(2), id(9)).value();
  FrameBuilder builder;
  FrameSender sender{*spool, clock,
                     std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::null_sink_st>())};
  std::shared_ptr<fakes::ScriptedPeer> peer = std::make_shared<fakes::ScriptedPeer>(io.get_executor(), 64 << 20);
  fakes::ScriptedConnection connection{peer};
  std::deque<std::pair<pb::DeviceMessage, std::size_t>> pipe;
  std::map<std::uint64_t, std::int64_t> arrived_us;  // of the live lane, by sequence
  std::size_t in_pipe_bytes = 0, most_in_pipe = 0, delivered_bytes = 0;
  double allowance = 0;
};

TEST_F(SlowLink, live_readings_arrive_within_two_seconds_while_a_large_backfill_drains) {
  constexpr std::size_t kRate = 10'000;  // bytes a second: a poor 2G uplink
  for (int i = 0; i < 400; ++i) append(1, 300);
  welcome();
  std::map<std::uint64_t, std::int64_t> made_us;
  const std::int64_t begun = clock.boot_us();
  for (int ms = 0; ms < 60'000; ms += 10) {
    if (ms % 1'000 == 0) {
      append(0, 10);
      made_us[made_us.size() + 1] = clock.boot_us();
      sender.pump();
    }
    step(10'000, kRate);
    if (HasFailure()) return;
  }
  ASSERT_GE(arrived_us.size(), 58u);
  for (const auto& [sequence, at] : arrived_us) {
    EXPECT_LE(at - made_us.at(sequence), 2'000'000) << "frame " << sequence;
  }
  EXPECT_GT(spool->held(), 50u) << "the backfill was not large enough to show anything";
  const double seconds = static_cast<double>(clock.boot_us() - begun) / 1e6;
  EXPECT_GT(static_cast<double>(delivered_bytes), 0.8 * kRate * seconds) << "and the link is not left idle for it";
  EXPECT_TRUE(sender.is_live_flowing());
}

TEST_F(SlowLink, a_fast_link_drains_with_the_hub_s_credit) {
  for (int i = 0; i < 1'000; ++i) append(1, 300);
  welcome();
  int steps = 0;
  for (; steps < 2'000 && spool->held() > 0; ++steps) {
    // Everything written arrives in 10 ms.
    clock.advance(10'000);
    peer->take(peer->messages_written());
    pb::FrameAck ack;
    while (auto bytes = peer->try_receive()) {
      pb::DeviceMessage message;
      ASSERT_TRUE(message.ParseFromString(*bytes));
      if (!message.has_frame()) continue;
      auto& one = *ack.add_streams();
      one.set_stream(message.frame().stream());
      one.set_stored(message.frame().sequence());
    }
    ASSERT_EQ(sender.acknowledged(ack), "");
  }
  EXPECT_EQ(spool->held(), 0u);
  EXPECT_LT(steps, 100) << "the window opens by itself";
}

TEST(BackfillWindow, stays_within_its_bounds_and_changes_once_a_round) {
  BackfillWindow window;
  std::int64_t now = 1'000'000;
  const std::size_t first = window.bytes();
  for (int i = 0; i < 10; ++i) window.acknowledged(now - 10'000, now, true);
  EXPECT_EQ(window.bytes(), 2 * first) << "ten frames of one window are one round";
  for (int i = 0; i < 100; ++i) now += 20'000, window.acknowledged(now - 10'000, now, true);
  EXPECT_EQ(window.bytes(), BackfillWindow::kMostBytes);
  const std::size_t most = window.bytes();
  now += 1'000'000, window.acknowledged(now - 100'000, now, false);
  EXPECT_EQ(window.bytes(), most) << "not full: nothing is learnt";
  for (int i = 0; i < 100; ++i) now += 2'000'000, window.acknowledged(now - 1'000'000, now, true);
  EXPECT_EQ(window.bytes(), BackfillWindow::kLeastBytes);
}

}  // namespace
}  // namespace agent
