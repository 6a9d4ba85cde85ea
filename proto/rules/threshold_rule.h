// Evaluation of one alert rule over one series: pure, deterministic, the same code on hub and device.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace rules {

enum class Comparison : std::uint8_t { above = 1, below = 2 };  // strictly

/// Fires when the value has been past `threshold` for `for_us` of event time; resolves when it is back past `clear`.
struct ThresholdRule {
  Comparison comparison = Comparison::above;
  double threshold = 0;
  double clear = 0;  // above: clear ≤ threshold; below: clear ≥ threshold
  std::int64_t for_us = 0;
};

enum class State : std::uint8_t { ok = 0, pending = 1, firing = 2 };

/// What must survive a restart, per rule and series.
struct Evaluation {
  State state = State::ok;
  std::int64_t since_us = 0;  // event time at which this state began
  std::int64_t last_time_us = INT64_MIN;
  double last_value = 0;
  bool operator==(const Evaluation&) const = default;
};

enum class Transition : std::uint8_t { none, became_pending, pending_ended, fired, resolved, late };

/// Feeds one reading. A reading not newer than the last evaluated changes nothing and answers `late`.
Transition evaluate(const ThresholdRule& rule, Evaluation& evaluation, std::int64_t time_us, double value);

/// Why the rule cannot be used, or nothing.
std::optional<std::string> validate(const ThresholdRule& rule);

}  // namespace rules
