// What the store must hold, taken down commit by commit, beside the store and the streams.
#pragma once

#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "hub/core/reading.h"
#include "telemetry/v1/live.pb.h"

namespace hub::seam {

namespace pb = telemetry::v1;

/// A value as text, so that readings of all types are compared alike. Exact: 17 digits tell every double.
inline std::string text(double number) {
  char out[32];
  std::snprintf(out, sizeof(out), "%.17g", number);
  return out;
}
inline std::string text(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return text(*number);
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "true" : "false";
  if (const auto* place = std::get_if<Location>(&value))
    return text(place->latitude) + "," + text(place->longitude) + "," + text(place->altitude);
  return std::get<std::string>(value);
}

/// One stored reading. Those of a series stand in commit order.
struct Made {
  std::int64_t time_us = 0;
  std::string value;
  double number = 0;  // booleans as 0 and 1
  CommitNumber commit = 0;
  bool is_on_time = true;  // not older than any before it
};

/// A gap, without what may change when it is told again.
using GapKey = std::tuple<std::uint32_t, std::string, std::int64_t, std::int64_t, int>;

/// Thread-safe: the journal thread writes, the test reads. Numbers are unique within a series, which makes every
/// reading of theirs known by its value.
class Model {
 public:
  void take(const Commit& commit) {
    const std::lock_guard lock(mutex_);
    head_ = commit.number;
    for (const auto& frame : commit.frames) {
      for (const auto& column : frame.columns) {
        auto& made = series_[raw(column.series)];
        auto& newest_us = newest_us_[raw(column.series)];
        for (std::size_t i = 0; i < column.times->size(); ++i) {
          const Value value = value_at(column.values, i);
          Made one{(*column.times)[i], text(value), 0, commit.number, true};
          one.is_on_time = one.time_us >= newest_us;
          newest_us = std::max(newest_us, one.time_us);
          if (const auto* number = std::get_if<double>(&value)) one.number = *number;
          if (const auto* boolean = std::get_if<bool>(&value)) one.number = *boolean ? 1 : 0;
          made.push_back(std::move(one));
        }
      }
      for (const auto& gap : frame.gaps) {
        gaps_.emplace_back(raw(gap.series), gap.device.str(), gap.from_us, gap.to_us, static_cast<int>(gap.reason));
      }
    }
  }
  /// Another journal: nothing of before is stored any more.
  void clear() {
    const std::lock_guard lock(mutex_);
    series_.clear();
    newest_us_.clear();
    gaps_.clear();
    head_ = 0;
  }
  CommitNumber head() const {
    const std::lock_guard lock(mutex_);
    return head_;
  }
  std::vector<Made> of(std::uint32_t series) const {
    const std::lock_guard lock(mutex_);
    const auto it = series_.find(series);
    return it == series_.end() ? std::vector<Made>() : it->second;
  }
  std::vector<GapKey> gaps() const {
    const std::lock_guard lock(mutex_);
    return gaps_;
  }
  std::size_t readings() const {
    const std::lock_guard lock(mutex_);
    std::size_t n = 0;
    for (const auto& [id, made] : series_) n += made.size();
    return n;
  }

 private:
  mutable std::mutex mutex_;
  CommitNumber head_ = 0;
  std::map<std::uint32_t, std::vector<Made>> series_;
  std::map<std::uint32_t, std::int64_t> newest_us_;
  std::vector<GapKey> gaps_;
};

}  // namespace hub::seam
