#include "device-agent/commands/process.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

namespace agent {
namespace {

using Steady = std::chrono::steady_clock;
constexpr std::size_t kMostOutput = 16 * 1024;
constexpr std::size_t kMostAtOnce = 256 * 1024;  // a child that prints without end must not hold the agent's thread
constexpr auto kGrace = std::chrono::seconds(2);

/// What a pipe holds, up to the bound of the whole.
class Output {
 public:
  Output(int fd, TakeOutput take) : fd_(fd), take_(std::move(take)) {}
  ~Output() { ::close(fd_); }
  Output(const Output&) = delete;
  void drain() {
    char buffer[4096];
    for (std::size_t all = 0; all < kMostAtOnce;) {
      const ssize_t n = ::read(fd_, buffer, sizeof buffer);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      all += static_cast<std::size_t>(n);
      const std::size_t room = std::min(kMostOutput - taken_, static_cast<std::size_t>(n));
      taken_ += room;
      if (room > 0) take_({buffer, room});
    }
    take_({});
  }

 private:
  const int fd_;
  TakeOutput take_;
  std::size_t taken_ = 0;
};

}  // namespace

boost::asio::awaitable<ProcessResult> run_process(ChildSetup setup, std::chrono::milliseconds limit,
                                                  std::shared_ptr<bool> cancel, TakeOutput take) {
  ProcessResult result;
  Child child = start_child(setup);
  if (!child.error.empty()) {
    result.error = std::move(child.error);
    co_return result;
  }
  result.started = true;
  Output output(child.output, std::move(take));
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  auto end = Steady::now() + limit;
  auto pause = std::chrono::milliseconds(2);
  while (!has_ended(child.pid)) {
    output.drain();
    const bool was_asked = result.cancelled || result.timed_out;
    if (was_asked ? Steady::now() >= end : *cancel || Steady::now() >= end) {
      ::kill(-child.pid, was_asked ? SIGKILL : SIGTERM);
      if (!was_asked) {
        result.cancelled = *cancel;
        result.timed_out = !*cancel;
        end = Steady::now() + kGrace;
        pause = std::chrono::milliseconds(2);
      }
    }
    timer.expires_after(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(200));
    co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
  result.exit_code = reap(child.pid);
  output.drain();
  co_return result;
}

}  // namespace agent
