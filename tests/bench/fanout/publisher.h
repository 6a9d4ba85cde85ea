// Publishes at a steady rate, whatever the server does: the clock of a message starts when it is due.
#pragma once

#include <algorithm>

#include "connection.h"

namespace bench {

/// A message for which there is no room (the server reads no faster, or has not acknowledged what it was sent) is not
/// published, and counted.
class Publisher {
 public:
  Publisher(EventLoop& loop, Connection& connection) : loop_(loop), connection_(connection) {}

  void start(double rate) {
    gap_ns_ = std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(kSecondNs) / rate));
    due_ns_ = now_ns() + gap_ns_;
    wait(++run_);
  }
  void stop() { ++run_; }
  std::uint64_t published() const { return published_; }
  std::uint64_t held_back() const { return held_back_; }

 private:
  static constexpr std::size_t kMaxWaiting = 256 * 1024;

  void wait(std::uint64_t run) {
    loop_.at(due_ns_, [this, run] {
      if (run != run_) return;
      for (const std::int64_t now = now_ns(); due_ns_ <= now; due_ns_ += gap_ns_) {
        const bool has_room = connection_.is_open() && connection_.waiting_bytes() < kMaxWaiting;
        ++(has_room && connection_.session().publish(due_ns_, connection_.out()) ? published_ : held_back_);
      }
      connection_.flush();
      wait(run);
    });
  }

  EventLoop& loop_;
  Connection& connection_;
  std::int64_t gap_ns_ = 0, due_ns_ = 0;
  std::uint64_t run_ = 0, published_ = 0, held_back_ = 0;
};

}  // namespace bench
