#include "device-agent/commands/command_runner.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "tests/fakes/manual_clock.h"
#include "tests/fakes/temp_folder.h"

namespace agent {
namespace {

namespace pb = telemetry::v1;

/// A device that allows one command which does not end by itself; what it tells is kept.
class Runner : public testing::Test {
 protected:
  Runner() { begin(); }
  ~Runner() override { end(); }

  void begin() {
    CommandConfig wait;
    wait.name = "wait";
    wait.run = {"/bin/sleep", "600"};
    runner = std::make_unique<CommandRunner>(
        io.get_executor(), std::vector{wait}, CommandLedger::open(folder.path() + "/ledger").value(), clock,
        std::make_shared<spdlog::logger>("none", std::make_shared<spdlog::sinks::null_sink_mt>()),
        [this](const pb::ExecutionUpdate& update) { told.push_back(update); });
  }
  void end() {
    boost::asio::co_spawn(io, runner->stop(), boost::asio::detached);
    io.restart();
    io.run();
    runner.reset();
  }
  void ask(const std::string& id) {
    pb::ExecutionRequest request;
    request.set_id(id);
    request.set_command("wait");
    request.set_arguments_json("{}");
    runner->request(request);
  }
  /// The loop, until so much was told.
  void run_until_told(std::size_t count) {
    io.restart();
    while (told.size() < count && io.run_one() > 0) {
    }
    ASSERT_EQ(told.size(), count);
  }

  const fakes::TempFolder folder;
  fakes::ManualClock clock;
  boost::asio::io_context io;
  std::vector<pb::ExecutionUpdate> told;
  std::unique_ptr<CommandRunner> runner;
};

TEST_F(Runner, asked_while_it_runs_it_says_so_again_and_runs_it_once) {
  ask("x1");
  run_until_told(2);
  ASSERT_EQ(told[1].state(), pb::EXECUTION_STATE_RUNNING);
  ask("x1");
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[2].SerializeAsString(), told[1].SerializeAsString());
  runner->cancel("x1");
  run_until_told(4);
  EXPECT_EQ(told[3].state(), pb::EXECUTION_STATE_CANCELLED);
  EXPECT_GT(told[3].revision(), told[2].revision());
}

TEST_F(Runner, interrupted_by_its_own_end_it_does_not_know_and_that_is_news_to_the_hub) {
  // As a killed process leaves it: accepted is written down, running was only told.
  pb::ExecutionUpdate accepted;
  accepted.set_id("x1");
  accepted.set_state(pb::EXECUTION_STATE_ACCEPTED);
  accepted.set_revision(1);
  constexpr std::uint32_t kToldRunning = 2;
  end();
  ASSERT_TRUE(CommandLedger::open(folder.path() + "/ledger").value().put(accepted));
  begin();
  ask("x1");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].state(), pb::EXECUTION_STATE_UNCONFIRMED);
  EXPECT_GT(told[0].revision(), kToldRunning);
  ask("x1");
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1].SerializeAsString(), told[0].SerializeAsString());
}

TEST_F(Runner, past_its_deadline_nothing_runs) {
  pb::ExecutionRequest request;
  request.set_id("x1");
  request.set_command("wait");
  request.set_not_after_us(1'000);
  request.set_server_time_us(1'001);
  runner->request(request);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].state(), pb::EXECUTION_STATE_EXPIRED);
}

TEST_F(Runner, a_request_that_lay_in_a_buffer_past_its_deadline_does_not_run) {
  constexpr double kSent = 1.7e15;  // by the hub's clock; this device's own says something else
  runner->welcomed(kSent - 5e6);
  clock.advance(5'000'000);
  pb::ExecutionRequest request;
  request.set_id("in time");
  request.set_command("nothing");  // not allowed: an answer at once, and not EXPIRED
  request.set_not_after_us(kSent + 10e6);
  request.set_server_time_us(kSent);
  clock.advance(9'000'000);
  runner->request(request);
  clock.advance(2'000'000);
  request.set_id("late");
  runner->request(request);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].state(), pb::EXECUTION_STATE_REJECTED);
  EXPECT_EQ(told[1].state(), pb::EXECUTION_STATE_EXPIRED);
}

}  // namespace
}  // namespace agent
