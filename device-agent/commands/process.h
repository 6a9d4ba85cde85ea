// A child process of a command: argv without a shell, bounded output, a time limit.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "device-agent/process/child_process.h"

namespace agent {

struct ProcessResult {
  int exit_code = -1;  // 128 + signal where one ended it
  bool started = false, timed_out = false, cancelled = false;
  std::string error;  // why it could not be started
};

/// stdout and stderr as they come, the first 16 KiB of them (the rest is read and thrown away so that the child does
/// not stall); also called a few times a second with nothing.
using TakeOutput = std::function<void(std::string_view)>;

/// Set `*cancel` to end the child early; it is looked at a few times a second. At the limit, or cancelled, the child's
/// process group gets SIGTERM, and two seconds later SIGKILL. When the child has ended, whatever else is in its group
/// ends as well.
boost::asio::awaitable<ProcessResult> run_process(ChildSetup setup, std::chrono::milliseconds limit,
                                                  std::shared_ptr<bool> cancel, TakeOutput take);

}  // namespace agent
