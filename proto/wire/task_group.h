// Owns the coroutines of one thread: every spawn belongs to a group, which cancels and joins.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>

namespace wire {

/// Lives on one single-threaded executor; all calls from it. `spawn` starts a coroutine; `cancel` asks all to end
/// (terminal cancellation); `join` completes when none is left. The group must outlive its tasks: join before
/// destroying. An exception that leaves a task is given to `on_exception` (logged by the owner), never rethrown.
class TaskGroup {
 public:
  TaskGroup(boost::asio::any_io_executor executor, std::function<void(const std::exception&)> on_exception);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  void spawn(boost::asio::awaitable<void> task);
  void cancel();
  boost::asio::awaitable<void> join();
  std::size_t size() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace wire
