// A clock that stands still until the test moves it.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace fakes {

class ManualClock final : public base::Clock {
 public:
  explicit ManualClock(std::int64_t now_us = 1'700'000'000'000'000) : now_us_(now_us) {}
  std::int64_t now_us() const override { return now_us_; }
  std::int64_t boot_us() const override { return boot_us_; }
  bool synchronised() const override { return synchronised_; }
  void advance(std::int64_t us) { now_us_ += us, boot_us_ += us; }
  void set_wall(std::int64_t now_us) { now_us_ = now_us; }
  void set_synchronised(bool yes) { synchronised_ = yes; }

 private:
  std::atomic<std::int64_t> now_us_;
  std::atomic<std::int64_t> boot_us_{3'600'000'000};
  std::atomic<bool> synchronised_{true};
};

}  // namespace fakes
