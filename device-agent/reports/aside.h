// A thread beside the agent's, for sources that may take their time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <thread>

namespace agent {

/// Owns a thread with an event loop, and the tasks on it. The thread begins with the first task and lives until the
/// destructor, which cancels all tasks and waits until they have ended: a task must end soon after it is cancelled.
/// start() and the destructor are for one thread, the agent's. What children a task has are killed by the kernel should
/// the thread ever go without them.
class Aside {
 public:
  Aside();
  ~Aside();
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

  /// `task` is called once, on the thread.
  void start(std::function<boost::asio::awaitable<void>()> task);

 private:
  struct Loop;
  std::unique_ptr<Loop> loop_;
  std::thread thread_;
};

}  // namespace agent
