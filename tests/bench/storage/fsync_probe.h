// How long this disk takes to make 4 KiB durable at the end of a file, measured beside what else is going on.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace bench {

/// What took from when to when.
struct Interval {
  std::chrono::steady_clock::time_point begin, end;
  double ms() const { return std::chrono::duration<double, std::milli>(end - begin).count(); }
  bool overlaps(const Interval& other) const { return begin <= other.end && other.begin <= end; }
};

/// Owns a thread from construction to `finish`, and a file in the folder, which it leaves there.
class FsyncProbe {
 public:
  explicit FsyncProbe(const std::string& folder);
  /// All flushes so far; nothing is measured afterwards. A `Failure` where the disk failed.
  std::vector<Interval> finish();

 private:
  void run(const std::stop_token& stop);

  int file_;
  std::vector<Interval> flushes_;  // the thread's, until it has ended
  bool failed_ = false;
  std::jthread thread_;
};

}  // namespace bench
