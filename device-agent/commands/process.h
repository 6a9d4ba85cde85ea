// A child process of a command: argv without a shell, bounded output, a time limit.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace agent {

struct ProcessResult {
  int exit_code = -1;  // 128 + signal where one ended it
  bool started = false, timed_out = false, cancelled = false;
  std::string output;  // stdout and stderr, the first 16 KiB
  std::string error;   // why it could not be started
};

/// Set `*cancel` to end the child early; it is looked at a few times a second. The child's process group is killed at
/// the limit.
boost::asio::awaitable<ProcessResult> run_process(std::vector<std::string> argv, std::chrono::milliseconds limit,
                                                  std::shared_ptr<bool> cancel);

}  // namespace agent
