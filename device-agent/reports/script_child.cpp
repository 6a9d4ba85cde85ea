#include "device-agent/reports/script_child.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "device-agent/reports/report_value.h"

namespace agent {
namespace {

namespace asio = boost::asio;
using namespace boost::asio::experimental::awaitable_operators;
using Milliseconds = std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr auto kQuietly = asio::as_tuple(asio::use_awaitable);
constexpr auto kGrace = std::chrono::seconds(2);
constexpr std::size_t kLongestError = 200;
constexpr std::size_t kMostErrorsAtOnce = 64 * 1'024;

}  // namespace

ScriptChild::ScriptChild(const asio::any_io_executor& executor, const Child& child)
    : pid_(child.pid), output_(executor, child.output), errors_(executor, child.errors), timer_(executor) {}

ScriptChild::~ScriptChild() {
  if (!is_reaped_) reap();
}

asio::awaitable<void> ScriptChild::wait(Milliseconds at_most) {
  if (is_output_open_) {
    timer_.expires_after(at_most);
    co_await (output_.async_wait(asio::posix::stream_descriptor::wait_read, kQuietly) || timer_.async_wait(kQuietly));
  } else {
    // Its output is closed: mostly it ends at once.
    timer_.expires_after(std::min(at_most, pause_));
    pause_ = std::min(pause_ * 2, Milliseconds(200));
    co_await timer_.async_wait(kQuietly);
  }
  read_errors();
}

std::size_t ScriptChild::read(std::string& out, std::size_t most) {
  std::size_t all = 0;
  char buffer[8'192];
  while (is_output_open_ && all < most) {
    const ssize_t n = ::read(output_.native_handle(), buffer, std::min(sizeof buffer, most - all));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (n <= 0) {
      is_output_open_ = false;
      break;
    }
    out.append(buffer, static_cast<std::size_t>(n));
    all += static_cast<std::size_t>(n);
  }
  return all;
}

void ScriptChild::read_errors() {
  char buffer[4'096];
  for (std::size_t all = 0; all < kMostErrorsAtOnce;) {
    const ssize_t n = ::read(errors_.native_handle(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    all += static_cast<std::size_t>(n);
    for (ssize_t i = 0; i < n; ++i) {
      if (buffer[i] != '\n') {
        if (partial_error_.size() < kLongestError) partial_error_.push_back(buffer[i]);
      } else {
        if (!trimmed(partial_error_).empty()) error_line_ = partial_error_;
        partial_error_.clear();
      }
    }
  }
}

std::string ScriptChild::last_error() {
  read_errors();
  std::string text(trimmed(trimmed(partial_error_).empty() ? error_line_ : partial_error_));
  // It goes into logs and status: bytes that are no text would break them.
  if (!is_storable_text(text)) {
    for (char& c : text) {
      if (c < ' ' || c > '~') c = '?';
    }
  }
  return text;
}

int ScriptChild::reap() {
  is_reaped_ = true;
  return agent::reap(pid_);
}

asio::awaitable<int> ScriptChild::end() {
  ::kill(-pid_, SIGTERM);
  const auto end = Steady::now() + kGrace;
  std::string ignored;
  for (auto pause = Milliseconds(2); !has_ended() && Steady::now() < end;
       pause = std::min(pause * 2, Milliseconds(50))) {
    timer_.expires_after(pause);
    co_await timer_.async_wait(kQuietly);
    ignored.clear();
    read(ignored, 256 * 1'024);  // so that it does not stall on a full pipe
  }
  read_errors();
  co_return reap();
}

std::string words_of_exit(int code, const std::string& last_error) {
  const std::string how = code > 128 && code <= 128 + 64
                              ? "ended by signal " + std::to_string(code - 128) + " (" + ::strsignal(code - 128) + ")"
                              : "exit code " + std::to_string(code);
  return last_error.empty() ? how : how + ", it said: " + last_error;
}

asio::awaitable<bool> is_cancelled() {
  const auto state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() != asio::cancellation_type::none;
}

asio::awaitable<bool> pause_for(Steady::duration time) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_after(time);
  const auto [ec] = co_await timer.async_wait(kQuietly);
  co_return !ec;
}

}  // namespace agent
