// A script as it runs: its output as it comes, the last thing it complained of, its end.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <string>

#include "device-agent/process/child_process.h"

namespace agent {

/// Lives in one coroutine, which goes on when it is cancelled (throw_if_cancelled(false)). The destructor kills the
/// process group where it was not reaped.
class ScriptChild {
 public:
  /// `child` was started, with separate errors.
  ScriptChild(const boost::asio::any_io_executor& executor, const Child& child);
  ~ScriptChild();
  ScriptChild(const ScriptChild&) = delete;
  ScriptChild& operator=(const ScriptChild&) = delete;

  /// Until it has printed something, may have ended, or `at_most` is over.
  boost::asio::awaitable<void> wait(std::chrono::milliseconds at_most);
  /// Appends what it has printed and nobody has read, at most `most` bytes; how many.
  std::size_t read(std::string& out, std::size_t most);
  bool has_ended() const { return agent::has_ended(pid_); }
  /// After has_ended(): ends what it has left behind, too. The exit code.
  int reap();
  /// SIGTERM to its group, two seconds later SIGKILL. Not cut short where the coroutine is cancelled. The exit
  /// code.
  boost::asio::awaitable<int> end();
  /// The last line on its stderr, at most 200 bytes.
  std::string last_error();

 private:
  void read_errors();

  pid_t pid_;
  boost::asio::posix::stream_descriptor output_, errors_;
  boost::asio::steady_timer timer_;
  bool is_output_open_ = true, is_reaped_ = false;
  std::chrono::milliseconds pause_{2};
  std::string error_line_, partial_error_;
};

/// "exit code 3", "ended by signal 9", with what it complained of.
std::string words_of_exit(int code, const std::string& last_error);

/// Ends at once where the task was cancelled. False: it was.
boost::asio::awaitable<bool> pause_for(std::chrono::steady_clock::duration time);
boost::asio::awaitable<bool> is_cancelled();

}  // namespace agent
