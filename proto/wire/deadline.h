// A time limit for whatever its owner is waiting for.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>

namespace wire {

/// Calls a function of its owner once the time is up, unless armed again or disarmed before. One thread, the
/// executor's. The function is never called after disarm() or the destructor, so it may refer to the owner.
class Deadline {
 public:
  explicit Deadline(const boost::asio::any_io_executor& executor);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void arm(std::chrono::steady_clock::duration after, std::function<void()> on_expiry);
  void disarm();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace wire
