// Many readings of a tick made into few, with nothing remarkable lost.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "hub/live/fragment.h"

namespace hub::live {

/// Holds one accumulator a series, kept between ticks (the last value tells what a change is). Numbers become minimum,
/// maximum, first, last, sum and count: one Conflated for each `span_us` of their own time, so that what comes at once
/// but was measured over a while (a frame of ten seconds, what a device kept while the hub was away) keeps its shape.
/// Past `kMaxPieces` a tick, neighbours become one and the span doubles until the tick ends. Booleans, strings and
/// locations keep every change, up to `kMaxChanges` a tick, and the newest reading beside them; past it the newest
/// change takes the last place, booleans become a Conflated, and the rest say how many readings there were.
/// Memory: O(series).
class Conflator {
 public:
  static constexpr std::size_t kMaxChanges = 16, kMaxPieces = 64;

  /// `span_us`: the period of the ticks.
  explicit Conflator(std::int64_t span_us = 1'000'000) : span_us_(span_us) {}

  /// Readings in time order, none older than what was folded before.
  void fold(const ReadingRun& run);
  /// One fragment for each series that has something; the tick begins anew.
  void drain(std::uint32_t subscription, const std::function<void(SeriesId, Fragment)>& emit);
  void forget(SeriesId series) { slots_.erase(series); }
  void clear() { slots_.clear(); }
  /// Readings went by unseen: the next of each series counts as a change.
  void forget_values() {
    for (auto& [series, slot] : slots_) slot.last_value.reset();
  }
  bool empty() const { return slots_.empty(); }

 private:
  struct Piece {
    std::int64_t first_us, last_us;
    double minimum, maximum, first, last, sum;
    std::uint32_t count;
    void add(const Piece& next);
  };
  struct Slot {
    std::vector<Piece> pieces;  // of what is not a number: one
    std::int64_t span_us = 0;
    // Changes of what is not a number.
    std::vector<std::int64_t> times;
    ValueColumn changes;
    bool is_crowded = false;          // more changes than places
    bool newest_is_change = false;    // the last place holds a change, not just the newest reading
    std::optional<Value> last_value;  // also of ticks before
  };
  static void fold_number(Slot& slot, std::int64_t time_us, double number);
  static void append_pieces(std::string& out, SeriesId series, const Slot& slot, std::uint32_t subscription);
  static void fold_change(Slot& slot, std::int64_t time_us, const ValueColumn& values, std::size_t i);
  static Fragment encode(SeriesId series, const Slot& slot, std::uint32_t subscription);

  std::int64_t span_us_;
  std::unordered_map<SeriesId, Slot> slots_;
};

}  // namespace hub::live
