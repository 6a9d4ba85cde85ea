// When what was sampled becomes a frame: latency when there is little, bytes when there is much.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace agent {

struct BatchLimits {
  std::int64_t latency_us = 1'000'000;  // how old a reading may get before it leaves, while the hub is there
  std::int64_t away_us = 10'000'000;    // the same while it is not: nobody waits, but a power cut costs what is open
};

/// Lives beside the FrameBuilder it decides for; all times are boot times. After each sampling turn: if the oldest
/// reading would be too old at the next one, waiting wins nothing that is allowed, so the frame leaves now; with turns
/// a second apart and the default of a second that is each turn, at once. Otherwise the next turn's readings share a
/// frame, up to 1,000 readings or about 32 KiB (a message may have 64 KiB).
///
/// What comes by itself between turns (a program printed a line) leaves at once where none of its kind has left within
/// the latency, and then with whatever else is open; so it costs one more frame each latency at most.
class Batching {
 public:
  static constexpr std::size_t kMostReadings = 1'000, kMostBytes = 32 * 1024;

  explicit Batching(const BatchLimits& limits) : limits_(limits) {}

  void added(std::size_t value_bytes, std::int64_t now_us) {
    if (readings_++ == 0) opened_us_ = now_us;
    bytes_ += value_bytes + kReadingBytes;
  }
  /// No further reading should be added before it is closed, in the middle of a turn too.
  bool is_full() const { return readings_ >= kMostReadings || bytes_ >= kMostBytes; }
  bool is_due(std::int64_t now_us, std::int64_t next_turn_us, bool is_live) const {
    if (readings_ == 0) return false;
    if (is_full()) return true;
    const std::int64_t age_us = now_us - opened_us_;
    if (!is_live) return age_us >= limits_.away_us;
    return age_us + next_turn_us >= bound_us();
  }
  /// Something came by itself; its turn has not come.
  void arrived(std::int64_t now_us) {
    if (!arrivals_due_us_) arrivals_due_us_ = std::max(now_us + kGatherUs, arrivals_left_us_ + arrivals_gap_us());
  }
  /// When it is to be taken and to leave; nothing: nothing has come, or nobody waits for it.
  std::optional<std::int64_t> arrivals_due_us(bool is_live) const { return is_live ? arrivals_due_us_ : std::nullopt; }
  /// A turn has taken it.
  void arrivals_taken() { arrivals_due_us_.reset(); }
  /// It has left by itself.
  void arrivals_left(std::int64_t now_us) {
    arrivals_left_us_ = now_us;
    arrivals_taken();
  }
  void closed() { readings_ = bytes_ = 0; }
  void set_limits(const BatchLimits& limits) { limits_ = limits; }

 private:
  static constexpr std::int64_t kGatherUs = 5'000;     // what is said in one breath belongs together
  static constexpr std::int64_t kLeastGapUs = 20'000;  // between two such frames, however small the latency
  /// Turns come some milliseconds late: one that is due a hair before the bound is past it for all purposes.
  std::int64_t bound_us() const {
    const std::int64_t bound_us = std::min(limits_.latency_us, limits_.away_us);
    return bound_us - std::min<std::int64_t>(bound_us / 5, 100'000);
  }
  std::int64_t arrivals_gap_us() const { return std::max(kLeastGapUs, bound_us()); }

  static constexpr std::size_t kReadingBytes = 16;  // its time, and a value where nothing can be left out

  BatchLimits limits_;
  std::size_t readings_ = 0, bytes_ = 0;
  std::int64_t opened_us_ = 0;
  std::optional<std::int64_t> arrivals_due_us_;
  std::int64_t arrivals_left_us_ = std::numeric_limits<std::int64_t>::min() / 2;
};

}  // namespace agent
