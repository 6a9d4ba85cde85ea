#include "device-agent/commands/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

extern char** environ;

namespace agent {
namespace {

constexpr std::size_t kMostOutput = 16 * 1024;

/// Takes what the pipe holds; past the bound it is read and thrown away so that the child does not stall.
void drain(int fd, std::string& output) {
  char buffer[4096];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n <= 0) return;
    const std::size_t room = kMostOutput - std::min(kMostOutput, output.size());
    output.append(buffer, std::min(room, static_cast<std::size_t>(n)));
  }
}

}  // namespace

boost::asio::awaitable<ProcessResult> run_process(std::vector<std::string> argv, std::chrono::milliseconds limit,
                                                  std::shared_ptr<bool> cancel) {
  ProcessResult result;
  int pipe_ends[2];
  if (argv.empty() || ::pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    result.error = argv.empty() ? "no program" : std::strerror(errno);
    co_return result;
  }
  std::vector<char*> arguments;
  for (auto& a : argv) arguments.push_back(a.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, argv[0].c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  ::close(pipe_ends[1]);
  if (failed != 0) {
    ::close(pipe_ends[0]);
    result.error = std::strerror(failed);
    co_return result;
  }
  result.started = true;
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  const auto end = std::chrono::steady_clock::now() + limit;
  auto pause = std::chrono::milliseconds(2);
  int status = 0;
  for (;;) {
    drain(pipe_ends[0], result.output);
    if (::waitpid(child, &status, WNOHANG) == child) break;
    if (*cancel || std::chrono::steady_clock::now() >= end) {
      result.cancelled = *cancel;
      result.timed_out = !*cancel;
      ::kill(-child, SIGKILL);
      ::waitpid(child, &status, 0);
      break;
    }
    timer.expires_after(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(200));
    co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
  drain(pipe_ends[0], result.output);
  ::close(pipe_ends[0]);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  co_return result;
}

}  // namespace agent
