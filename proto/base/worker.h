// A thread that runs tasks one after another: the hub's control thread, the seal thread, password hashing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace base {

/// Owns `threads` threads (one unless said otherwise) and a queue of tasks, run in order of posting (with one thread).
/// Any thread may post. At most `capacity` tasks wait; past that `try_post` answers false and the caller refuses its
/// own peer (HTTP 503, close 4200). `post` is for work that has been accounted for elsewhere and never refuses. The
/// destructor runs what is queued, then joins. Tasks must not throw.
class Worker {
 public:
  explicit Worker(std::string name, std::size_t capacity = 65'536, unsigned threads = 1);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  [[nodiscard]] bool try_post(std::function<void()> task);
  void post(std::function<void()> task);
  /// Runs `task` about `delay_us` from now (steady clock) unless the worker ends first.
  void post_after(std::int64_t delay_us, std::function<void()> task);
  /// True on one of this worker's own threads; services assert it.
  bool is_current() const;
  /// Waits until all that was posted before has run (tests, shutdown). Not from the worker itself.
  void flush();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace base
