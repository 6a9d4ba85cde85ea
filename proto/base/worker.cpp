#include "base/worker.h"

#include <pthread.h>

#include <cassert>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace base {
namespace {

using SteadyClock = std::chrono::steady_clock;
thread_local const void* current_worker = nullptr;

}  // namespace

struct Worker::State {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> tasks;
  std::multimap<SteadyClock::time_point, std::function<void()>> delayed;
  bool ending = false;
  std::size_t capacity = 0;
  std::vector<std::thread> threads;

  void run() {
    current_worker = this;
    std::unique_lock lock(mutex);
    for (;;) {
      const auto now = SteadyClock::now();
      while (!delayed.empty() && delayed.begin()->first <= now) {
        tasks.push_back(std::move(delayed.begin()->second));
        delayed.erase(delayed.begin());
      }
      if (!tasks.empty()) {
        auto task = std::move(tasks.front());
        tasks.pop_front();
        lock.unlock();
        task();
        task = nullptr;
        lock.lock();
      } else if (ending) {
        return;
      } else if (delayed.empty()) {
        wake.wait(lock);
      } else {
        const auto due = delayed.begin()->first;
        wake.wait_until(lock, due);
      }
    }
  }
};

Worker::Worker(std::string name, std::size_t capacity, unsigned threads) : state_(std::make_unique<State>()) {
  state_->capacity = capacity;
  for (unsigned i = 0; i < threads; ++i) {
    state_->threads.emplace_back([state = state_.get()] { state->run(); });
    pthread_setname_np(state_->threads.back().native_handle(), name.substr(0, 15).c_str());
  }
}

Worker::~Worker() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
    state_->delayed.clear();
  }
  state_->wake.notify_all();
  for (auto& thread : state_->threads) thread.join();
}

bool Worker::try_post(std::function<void()> task) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->ending || state_->tasks.size() >= state_->capacity) return false;
    state_->tasks.push_back(std::move(task));
  }
  state_->wake.notify_one();
  return true;
}

void Worker::post(std::function<void()> task) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->tasks.push_back(std::move(task));
  }
  state_->wake.notify_one();
}

void Worker::post_after(std::int64_t delay_us, std::function<void()> task) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->ending) return;
    state_->delayed.emplace(SteadyClock::now() + std::chrono::microseconds(delay_us), std::move(task));
  }
  state_->wake.notify_one();
}

bool Worker::is_current() const {
  return current_worker == state_.get();
}

void Worker::flush() {
  assert(!is_current());
  std::promise<void> done;
  post([&done] { done.set_value(); });
  done.get_future().wait();
}

}  // namespace base
