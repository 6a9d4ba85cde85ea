#include "device-agent/commands/command_runner.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <limits>

#include "device-agent/commands/built_ins.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/temp_folder.h"

namespace agent {
namespace {

namespace pb = telemetry::v1;
constexpr double kHubNow = 1.7e15;  // by the hub's clock; this device's own says something else

/// A device that allows three commands: one that does not end by itself, one that leaves a mark, one that takes what it
/// is given. What it tells is kept.
class Runner : public testing::Test {
 protected:
  Runner() { begin(); }
  ~Runner() override { end(); }

  void begin() {
    CommandConfig wait, mark, echo;
    wait.name = "wait";
    wait.run = {"/bin/sleep", "600"};
    mark.name = "mark";
    mark.run = {"/bin/mkdir", folder.path() + "/mark"};
    echo.name = "echo";
    echo.run = {"/bin/echo", "{text}"};
    echo.arguments_schema_json =
        R"({"type":"object","properties":{"text":{"type":"string","default":"none"}},"additionalProperties":false})";
    runner = std::make_unique<CommandRunner>(
        io.get_executor(), std::vector{wait, mark, echo}, CommandLedger::open(folder.path() + "/ledger").value(), clock,
        std::make_shared<spdlog::logger>("none", std::make_shared<spdlog::sinks::null_sink_mt>()),
        [this](const pb::ExecutionUpdate& update) {
          if (is_connected) told.push_back(update);
          return is_connected;
        });
    runner->settle_interrupted([](const std::string& pending) { return settle_built_in(pending, "boot2"); });
    runner->welcomed(kHubNow);
  }
  void end() {
    if (!runner) return;
    wire::TaskGroup group(io.get_executor(), [](const std::exception& e) { ADD_FAILURE() << e.what(); });
    group.spawn(runner->stop());
    io.restart();
    io.run();
    runner.reset();
  }
  /// As kill -9 leaves it: nothing more is written or told.
  void crash() {
    const std::string ledger = folder.path() + "/ledger";
    std::filesystem::copy_file(ledger, ledger + ".crash");
    is_connected = false;
    end();
    is_connected = true;
    std::filesystem::rename(ledger + ".crash", ledger);
    told.clear();
  }
  static pb::ExecutionRequest request_of(const std::string& id, const std::string& command,
                                         const std::string& arguments = "{}") {
    pb::ExecutionRequest request;
    request.set_id(id);
    request.set_command(command);
    request.set_arguments_json(arguments);
    request.set_server_time_us(kHubNow);
    request.set_not_after_us(kHubNow + 60e6);
    return request;
  }
  void ask(const std::string& id, const std::string& command = "wait", const std::string& arguments = "{}") {
    runner->request(request_of(id, command, arguments));
  }
  void run_until(const std::function<bool()>& condition) {
    io.restart();
    while (!condition() && io.run_one() > 0) {
    }
    ASSERT_TRUE(condition());
  }
  /// The loop, until so much was told.
  void run_until_told(std::size_t count) {
    run_until([&] { return told.size() >= count; });
    ASSERT_EQ(told.size(), count);
  }
  pb::ExecutionUpdate run_to_end(const std::string& id, const std::string& command, const std::string& arguments) {
    ask(id, command, arguments);
    run_until([&] { return told.back().state() >= pb::EXECUTION_STATE_SUCCEEDED; });
    return told.back();
  }
  bool has_mark() const { return std::filesystem::exists(folder.path() + "/mark"); }

  const fakes::TempFolder folder;
  fakes::ManualClock clock;
  boost::asio::io_context io;
  std::vector<pb::ExecutionUpdate> told;
  bool is_connected = true;
  std::unique_ptr<CommandRunner> runner;
};

TEST_F(Runner, asked_while_it_runs_it_says_all_of_it_again_and_runs_it_once) {
  ask("x1");
  run_until_told(2);
  ASSERT_EQ(told[1].state(), pb::EXECUTION_STATE_RUNNING);
  ask("x1");
  ASSERT_EQ(told.size(), 4u);
  EXPECT_EQ(told[2].SerializeAsString(), told[0].SerializeAsString());
  EXPECT_EQ(told[3].SerializeAsString(), told[1].SerializeAsString());
  EXPECT_EQ(runner->running(), 1u);
  runner->cancel("x1");
  run_until_told(5);
  EXPECT_EQ(told[4].state(), pb::EXECUTION_STATE_CANCELLED);
  EXPECT_GT(told[4].revision(), told[1].revision());
}

TEST_F(Runner, interrupted_by_a_crash_it_does_not_know_is_not_run_again_and_that_is_news_to_the_hub) {
  ask("x1");
  run_until_told(2);
  const auto told_running = told[1].revision();
  crash();
  begin();
  ask("x1");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].state(), pb::EXECUTION_STATE_UNCONFIRMED);
  EXPECT_GT(told[0].revision(), told_running);
  ask("x1");
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1].SerializeAsString(), told[0].SerializeAsString());
  EXPECT_EQ(runner->running(), 0u);
}

TEST_F(Runner, past_its_deadline_nothing_runs) {
  auto request = request_of("x1", "mark");
  request.set_not_after_us(1'000);
  runner->request(request);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].state(), pb::EXECUTION_STATE_EXPIRED);
  for (const double nonsense :
       {std::numeric_limits<double>::quiet_NaN(), -1.0, std::numeric_limits<double>::infinity()}) {
    request.set_id("x" + std::to_string(told.size() + 1));
    request.set_not_after_us(nonsense);
    runner->request(request);
    EXPECT_EQ(told.back().state(), pb::EXECUTION_STATE_REJECTED);
  }
  EXPECT_EQ(runner->running(), 0u);
}

TEST_F(Runner, a_request_that_lay_in_a_buffer_past_its_deadline_does_not_run) {
  runner->welcomed(kHubNow - 5e6);
  clock.advance(5'000'000);
  auto request = request_of("in time", "nothing");  // not allowed: an answer at once, and not EXPIRED
  request.set_not_after_us(kHubNow + 10e6);
  clock.advance(9'000'000);
  runner->request(request);
  clock.advance(2'000'000);
  request.set_id("late");
  runner->request(request);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].state(), pb::EXECUTION_STATE_REJECTED);
  EXPECT_EQ(told[1].state(), pb::EXECUTION_STATE_EXPIRED);
}

TEST_F(Runner, a_deadline_without_any_time_of_the_hub_cannot_be_kept_and_does_not_run) {
  runner->welcomed(0);
  auto request = request_of("x1", "mark");
  request.set_server_time_us(0);
  runner->request(request);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].state(), pb::EXECUTION_STATE_REJECTED);
  EXPECT_NE(told[0].error().find("what time it is"), std::string::npos);
}

TEST_F(Runner, a_hostile_hub_gets_nothing_that_the_config_does_not_allow) {
  std::vector<pb::ExecutionRequest> requests;
  for (const char* command : {"", "reboot", "restart-agent", "set-interval", "set-output", "/bin/mkdir", "mark; mark",
                              "../mark", "MARK", "mark "}) {
    requests.push_back(request_of("a" + std::to_string(requests.size()), command));
  }
  for (const std::string& arguments :
       {std::string("{\"text\":\"a\"}"), std::string("[]"), std::string("{"), std::string(1 << 20, '['),
        "{\"a\":" + std::string(3'000, '{'), "{\"x\":\"" + std::string(60'000, 'y') + "\"}"}) {
    requests.push_back(request_of("b" + std::to_string(requests.size()), "mark", arguments));
  }
  requests.push_back(request_of("c1", "echo", R"({"text":"--version"})"));
  requests.push_back(request_of("c2", "echo", R"({"text":"a\u0000b"})"));
  requests.push_back(request_of("c3", "echo", R"({"text":1})"));
  requests.push_back(request_of(std::string(200, 'i'), "mark"));  // no id: no answer
  requests.push_back(request_of("", "mark"));
  for (const auto& request : requests) runner->request(request);
  io.poll();
  ASSERT_EQ(told.size(), requests.size() - 2);
  for (const auto& update : told) {
    EXPECT_EQ(update.state(), pb::EXECUTION_STATE_REJECTED) << update.id();
    EXPECT_FALSE(update.error().empty());
  }
  EXPECT_FALSE(has_mark());
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/ledger")) << "refusing costs the disk nothing";
}

TEST_F(Runner, the_same_id_a_thousand_times_is_one_effect) {
  const auto done = run_to_end("once", "mark", "{}");
  EXPECT_EQ(done.state(), pb::EXECUTION_STATE_SUCCEEDED);
  std::filesystem::remove(folder.path() + "/mark");
  for (int i = 0; i < 1'000; ++i) ask("once", "mark");
  io.poll();
  EXPECT_FALSE(has_mark());
  EXPECT_EQ(told.back().SerializeAsString(), done.SerializeAsString());
  end();
  begin();
  ask("once", "mark");
  EXPECT_EQ(told.back().state(), pb::EXECUTION_STATE_SUCCEEDED);
  EXPECT_FALSE(has_mark());
}

TEST_F(Runner, shell_metacharacters_are_text) {
  const std::string hostile = "; mkdir " + folder.path() + "/mark; $(mkdir " + folder.path() + "/mark) `id` | cat > x";
  boost::json::object arguments{{"text", hostile}};
  const auto done = run_to_end("x", "echo", boost::json::serialize(arguments));
  EXPECT_EQ(done.output(), hostile + "\n");
  EXPECT_FALSE(has_mark());
  EXPECT_EQ(run_to_end("y", "echo", "{}").output(), "none\n") << "the default";
}

TEST_F(Runner, eight_at_once_and_no_more) {
  for (int i = 0; i < 9; ++i) ask("x" + std::to_string(i));
  EXPECT_EQ(runner->running(), 8u);
  EXPECT_EQ(told.back().state(), pb::EXECUTION_STATE_REJECTED);
}

TEST_F(Runner, output_goes_out_as_it_comes_and_is_whole_in_the_end) {
  CommandConfig steps;
  steps.name = "steps";
  steps.run = {"/bin/sh", "-c", "echo progress 50; read x < " + folder.path() + "/fifo; echo end"};
  ASSERT_EQ(::mkfifo((folder.path() + "/fifo").c_str(), 0600), 0);
  runner->set_commands({steps});
  ask("x", "steps");
  run_until([&] {
    clock.advance(600'000);
    return told.back().progress_percent() == 50;
  });
  EXPECT_EQ(told.back().state(), pb::EXECUTION_STATE_RUNNING);
  EXPECT_EQ(told.back().output(), "progress 50\n");
  const int fifo = ::open((folder.path() + "/fifo").c_str(), O_WRONLY);
  ASSERT_EQ(::write(fifo, "x\n", 2), 2);
  ::close(fifo);
  run_until([&] { return told.back().state() == pb::EXECUTION_STATE_SUCCEEDED; });
  const std::size_t all = told.size();
  ask("x", "steps");  // the hub lost the connection and asks: everything again, by revision
  ASSERT_EQ(told.size(), 2 * all);
  std::string output;
  for (std::size_t i = all; i < told.size(); ++i) {
    EXPECT_EQ(told[i].SerializeAsString(), told[i - all].SerializeAsString());
    output += told[i].output();
  }
  EXPECT_EQ(output, "progress 50\nend\n");
}

TEST_F(Runner, what_the_hub_could_not_be_told_it_gets_after_a_restart) {
  is_connected = false;
  ask("x", "echo", R"({"text":"hello"})");
  run_until([&] { return runner->running() == 0; });
  is_connected = true;
  end();
  begin();
  ask("x", "echo", R"({"text":"hello"})");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].state(), pb::EXECUTION_STATE_SUCCEEDED);
  EXPECT_EQ(told[0].output(), "hello\n");
}

TEST_F(Runner, its_end_ends_what_runs) {
  ask("x1");
  ASSERT_TRUE(runner->run_locally("wait", "an alert"));
  run_until_told(2);
  end();  // returns: neither sleeps for ten minutes
  EXPECT_EQ(told.back().state(), pb::EXECUTION_STATE_CANCELLED);
  EXPECT_NE(told.back().error().find("with the agent"), std::string::npos);
}

TEST_F(Runner, restart_agent_succeeds_in_the_next_process_only) {
  int restarts = 0;
  runner->add_built_in(make_restart_agent([&] { ++restarts; }));
  ask("r", "restart-agent");
  EXPECT_EQ(restarts, 1);
  EXPECT_EQ(told.back().state(), pb::EXECUTION_STATE_RUNNING);
  ask("r", "restart-agent");
  EXPECT_EQ(restarts, 1);
  end();
  told.clear();
  begin();
  ask("r", "restart-agent");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].state(), pb::EXECUTION_STATE_SUCCEEDED);
  EXPECT_EQ(told[0].result_json(), "{\"restarted\":true}");
}

TEST_F(Runner, reboot_succeeds_in_the_next_boot_and_fails_in_the_same) {
  for (const char* boot : {"boot1", "boot2"}) {
    const std::string id = std::string("of ") + boot;
    runner->add_built_in(make_reboot({"/bin/true"}, boot, *runner));
    ask(id, "reboot");
    EXPECT_EQ(told.back().state(), pb::EXECUTION_STATE_RUNNING);
    end();
    begin();  // as boot2
    ask(id, "reboot");
    EXPECT_EQ(told.back().state(), id == "of boot1" ? pb::EXECUTION_STATE_SUCCEEDED : pb::EXECUTION_STATE_FAILED);
  }
}

TEST_F(Runner, a_reboot_that_is_refused_says_why) {
  runner->add_built_in(make_reboot({"/bin/sh", "-c", "echo Access denied; exit 1"}, "boot1", *runner));
  const auto done = run_to_end("r", "reboot", "{}");
  EXPECT_EQ(done.state(), pb::EXECUTION_STATE_FAILED);
  EXPECT_NE(done.error().find("Access denied"), std::string::npos) << done.error();
  runner->add_built_in(make_reboot({"/no/systemctl"}, "boot1", *runner));
  EXPECT_NE(run_to_end("r2", "reboot", "{}").error().find("cannot start"), std::string::npos);
}

TEST_F(Runner, built_ins_check_their_arguments) {
  double set = -1;
  runner->add_built_in(make_set_interval([&](double seconds) {
    set = seconds;
    return std::string();
  }));
  for (const char* wrong : {"{}", R"({"seconds":"5"})", R"({"seconds":-1})", R"({"seconds":4000})"}) {
    EXPECT_EQ(run_to_end(wrong, "set-interval", wrong).state(), pb::EXECUTION_STATE_REJECTED) << wrong;
  }
  EXPECT_EQ(run_to_end("short", "set-interval", R"({"seconds":0.01})").state(), pb::EXECUTION_STATE_FAILED);
  EXPECT_EQ(set, -1);
  EXPECT_EQ(run_to_end("good", "set-interval", R"({"seconds":2.5})").state(), pb::EXECUTION_STATE_SUCCEEDED);
  EXPECT_EQ(set, 2.5);
  std::string switched;
  runner->add_built_in(make_set_output({"siren"}, [&](const std::string& name, bool value, auto for_us) {
    switched = name + (value ? " on" : " off") + (for_us ? " " + std::to_string(*for_us) : "");
    return std::string(value ? "" : "line SIREN is in use");
  }));
  EXPECT_EQ(run_to_end("o1", "set-output", R"({"name":"door","value":true})").state(), pb::EXECUTION_STATE_REJECTED);
  EXPECT_EQ(switched, "");
  EXPECT_EQ(run_to_end("o2", "set-output", R"({"name":"siren","value":true,"for":1.5})").state(),
            pb::EXECUTION_STATE_SUCCEEDED);
  EXPECT_EQ(switched, "siren on 1500000");
  const auto failed = run_to_end("o3", "set-output", R"({"name":"siren","value":false})");
  EXPECT_EQ(failed.state(), pb::EXECUTION_STATE_FAILED);
  EXPECT_EQ(failed.error(), "line SIREN is in use");
}

}  // namespace
}  // namespace agent
