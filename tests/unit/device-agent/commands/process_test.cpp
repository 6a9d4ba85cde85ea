#include "device-agent/commands/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <fstream>

#include "tests/fakes/temp_folder.h"
#include "wire/task_group.h"

namespace agent {
namespace {

class ProcessTest : public ::testing::Test {
 protected:
  boost::asio::awaitable<void> task(ChildSetup setup, std::chrono::milliseconds limit) {
    TakeOutput take = [this](std::string_view text) {
      output.append(text);
      if (on_output) on_output();
    };
    result = co_await run_process(std::move(setup), limit, cancel, std::move(take));
  }
  void run(std::vector<std::string> argv, std::chrono::milliseconds limit = std::chrono::seconds(30)) {
    ChildSetup setup = base;
    setup.argv = std::move(argv);
    output.clear();
    wire::TaskGroup group(io.get_executor(), [](const std::exception& e) { ADD_FAILURE() << e.what(); });
    group.spawn(task(std::move(setup), limit));
    io.restart();
    io.run();
  }
  void shell(const std::string& script, std::chrono::milliseconds limit = std::chrono::seconds(30)) {
    run({"/bin/sh", "-c", script}, limit);
  }

  boost::asio::io_context io{1};
  std::shared_ptr<bool> cancel = std::make_shared<bool>(false);
  ChildSetup base;
  ProcessResult result;
  std::string output;
  std::function<void()> on_output;
};

bool is_alive(pid_t pid) {
  if (::kill(pid, 0) != 0) return false;
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string id, name, state;
  in >> id >> name >> state;
  return in && state != "Z";  // nobody may be there to reap an orphan
}

TEST_F(ProcessTest, how_it_ended_and_what_it_said) {
  shell("echo out; echo err >&2; exit 3");
  EXPECT_TRUE(result.started);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(output, "out\nerr\n");
  shell("kill -9 $$");
  EXPECT_EQ(result.exit_code, 137);
}

TEST_F(ProcessTest, what_cannot_start_says_why) {
  run({"/no/such/program"});
  EXPECT_FALSE(result.started);
  EXPECT_EQ(result.error, "the program: No such file or directory");
  base.folder = "/no/such/folder";
  run({"/bin/true"});
  EXPECT_EQ(result.error, "its folder: No such file or directory");
  base.folder = "/";
  base.user = "no-such-user";
  run({"/bin/true"});
  EXPECT_NE(result.error.find("no user \"no-such-user\""), std::string::npos);
}

TEST_F(ProcessTest, it_has_nothing_of_the_agent) {
  ::setenv("AGENT_SECRET", "x", 1);
  ::signal(SIGPIPE, SIG_IGN);
  const int leaked = ::open("/dev/null", O_RDONLY);  // not close-on-exec
  base.environment["TELEMETRY_COMMAND"] = "c";
  shell("env | sort; pwd; ls /proc/self/fd | wc -l; grep -E 'SigIgn|NoNewPrivs' /proc/self/status; cat");
  ::close(leaked);
  EXPECT_EQ(output.find("AGENT_SECRET"), std::string::npos);
  EXPECT_NE(output.find("TELEMETRY_COMMAND=c\n"), std::string::npos);
  EXPECT_NE(output.find("PATH=/usr/local/sbin"), std::string::npos);
  EXPECT_NE(output.find("\n/\n4\n"), std::string::npos) << "0, 1, 2 and that of the folder: " << output;
  EXPECT_NE(output.find("SigIgn:\t0000000000000000"), std::string::npos) << output;
  EXPECT_NE(output.find("NoNewPrivs:\t1"), std::string::npos) << output;
}

TEST_F(ProcessTest, root_gives_up_everything_for_another_user) {
  if (::geteuid() != 0) {
    base.user = "root";
    run({"/bin/true"});
    EXPECT_NE(result.error.find("only an agent that runs as root"), std::string::npos);
    return;
  }
  base.user = "nobody";
  shell("id -u; id -g; id -G; echo $HOME $USER; grep -E '^(Uid|Gid|CapEff)' /proc/self/status");
  const auto account = find_account("nobody").value();
  const std::string uid = std::to_string(account.uid), gid = std::to_string(account.gid);
  EXPECT_EQ(output.rfind(uid + "\n" + gid + "\n" + gid + "\n", 0), 0u) << output;
  EXPECT_NE(output.find("nobody\n"), std::string::npos);
  EXPECT_NE(output.find("Uid:\t" + uid + "\t" + uid + "\t" + uid + "\t" + uid), std::string::npos) << output;
  EXPECT_NE(output.find("CapEff:\t0000000000000000"), std::string::npos) << output;
}

TEST_F(ProcessTest, output_is_bounded_and_a_talkative_child_does_not_stall) {
  shell("yes | head -c 3000000");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(output.size(), 16u * 1024);
}

TEST_F(ProcessTest, at_its_limit_the_whole_group_ends) {
  const fakes::TempFolder folder;
  shell("sleep 600 & echo $! > " + folder.path() + "/pid; wait", std::chrono::milliseconds(300));
  EXPECT_TRUE(result.timed_out);
  pid_t grandchild = 0;
  std::ifstream(folder.path() + "/pid") >> grandchild;
  ASSERT_GT(grandchild, 0);
  for (int i = 0; i < 500 && is_alive(grandchild); ++i) ::usleep(10'000);
  EXPECT_FALSE(is_alive(grandchild));
}

TEST_F(ProcessTest, who_ignores_sigterm_is_killed) {
  on_output = [this] {
    if (!output.empty()) *cancel = true;
  };
  shell("trap '' TERM; echo ready; while :; do sleep 1; done");
  EXPECT_TRUE(result.cancelled);
  EXPECT_EQ(result.exit_code, 137);
}

TEST_F(ProcessTest, cancelled_it_may_clean_up) {
  on_output = [this] {
    if (!output.empty()) *cancel = true;
  };
  shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done");
  EXPECT_TRUE(result.cancelled);
  EXPECT_EQ(output.rfind("ready\n", 0), 0u);
  EXPECT_NE(output.find("\nbye\n"), std::string::npos) << output;
}

TEST_F(ProcessTest, what_it_leaves_in_the_background_ends_with_it) {
  const fakes::TempFolder folder;
  shell("sleep 600 & echo $! > " + folder.path() + "/pid");
  EXPECT_EQ(result.exit_code, 0);
  pid_t left = 0;
  std::ifstream(folder.path() + "/pid") >> left;
  ASSERT_GT(left, 0);
  for (int i = 0; i < 500 && is_alive(left); ++i) ::usleep(10'000);
  EXPECT_FALSE(is_alive(left));
}

}  // namespace
}  // namespace agent
