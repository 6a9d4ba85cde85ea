#include "event_loop.h"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace bench {
namespace {

class LineInput final : public EventReceiver {
 public:
  LineInput(EventLoop& loop, std::function<void(const std::string*)> take) : loop_(loop), take_(std::move(take)) {}

  void on_events(std::uint32_t) override {
    char bytes[512];
    const ssize_t n = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (n <= 0) {
      loop_.remove(STDIN_FILENO);
      take_(nullptr);
      return;
    }
    text_.append(bytes, static_cast<std::size_t>(n));
    for (std::size_t end = 0; (end = text_.find('\n')) != std::string::npos;) {
      const std::string line = text_.substr(0, end);
      text_.erase(0, end + 1);
      take_(&line);
    }
  }

 private:
  EventLoop& loop_;
  std::function<void(const std::string*)> take_;
  std::string text_;
};

}  // namespace

std::int64_t now_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecondNs + time.tv_nsec;
}

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::runtime_error("epoll_create1 failed");
}

EventLoop::~EventLoop() {
  ::close(epoll_);
}

void EventLoop::add(int fd, std::uint32_t events, EventReceiver& receiver) {
  const auto index = static_cast<std::size_t>(fd);
  if (receivers_.size() <= index) receivers_.resize(index + 1);
  receivers_[index] = &receiver;
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) throw std::runtime_error("epoll_ctl failed");
}

void EventLoop::change(int fd, std::uint32_t events, EventReceiver& receiver) {
  receivers_[static_cast<std::size_t>(fd)] = &receiver;
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::remove(int fd) {
  receivers_[static_cast<std::size_t>(fd)] = nullptr;
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::at(std::int64_t time_ns, std::function<void()> action) {
  timers_.push({time_ns, timers_made_++, std::move(action)});
}

void EventLoop::read_lines(std::function<void(const std::string*)> take) {
  input_ = std::make_unique<LineInput>(*this, std::move(take));
  add(STDIN_FILENO, EPOLLIN, *input_);
}

void EventLoop::run_timers() {
  while (!stopped_ && !timers_.empty() && timers_.top().time_ns <= now_ns()) {
    auto action = timers_.top().action;
    timers_.pop();
    action();
  }
}

void EventLoop::run() {
  constexpr int kEvents = 1'024;
  std::vector<epoll_event> events(kEvents);
  while (!stopped_) {
    run_timers();
    if (stopped_) break;
    int wait_ms = 1'000;
    if (!timers_.empty()) {
      // Rounded up: a wait that ends early would only be begun again. Below a millisecond it is not worth sleeping
      // twice.
      const std::int64_t left = timers_.top().time_ns - now_ns();
      wait_ms = static_cast<int>(std::clamp<std::int64_t>((left + 999'999) / 1'000'000, 0, 1'000));
    }
    const int n = ::epoll_wait(epoll_, events.data(), kEvents, wait_ms);
    if (n < 0 && errno != EINTR) throw std::runtime_error("epoll_wait failed");
    for (int i = 0; i < n && !stopped_; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      if (auto* receiver = receivers_[static_cast<std::size_t>(event.data.fd)]) receiver->on_events(event.events);
    }
  }
}

}  // namespace bench
