// epoll and timers: what everything in this program runs on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

namespace bench {

/// Nanoseconds of CLOCK_MONOTONIC: the same clock in every process of this machine.
std::int64_t now_ns();

constexpr std::int64_t kSecondNs = 1'000'000'000;

class EventReceiver {
 public:
  virtual ~EventReceiver() = default;
  virtual void on_events(std::uint32_t events) = 0;
};

/// One thread. Timers cannot be cancelled: whoever sets one looks whether it still matters when it comes.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void add(int fd, std::uint32_t events, EventReceiver& receiver);
  void change(int fd, std::uint32_t events, EventReceiver& receiver);
  void remove(int fd);  // before the descriptor is closed

  void at(std::int64_t time_ns, std::function<void()> action);
  void after(std::int64_t ns, std::function<void()> action) { at(now_ns() + ns, std::move(action)); }
  /// Calls `take` with each line of stdin, and once with nothing at its end.
  void read_lines(std::function<void(const std::string*)> take);

  /// Until stop() was called or nothing is left to wait for.
  void run();
  void stop() { stopped_ = true; }

 private:
  struct Timer {
    std::int64_t time_ns;
    std::uint64_t number;  // equal times keep their order
    std::function<void()> action;
    bool operator>(const Timer& other) const {
      return time_ns != other.time_ns ? time_ns > other.time_ns : number > other.number;
    }
  };
  void run_timers();

  int epoll_ = -1;
  bool stopped_ = false;
  std::uint64_t timers_made_ = 0;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::vector<EventReceiver*> receivers_;  // by descriptor; null where it left while its events were being handed out
  std::unique_ptr<EventReceiver> input_;
};

}  // namespace bench
