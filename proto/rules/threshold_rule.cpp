#include "rules/threshold_rule.h"

#include <cmath>

namespace rules {
namespace {

bool is_past(const ThresholdRule& rule, double value) {
  return rule.comparison == Comparison::above ? value > rule.threshold : value < rule.threshold;
}

bool is_clear(const ThresholdRule& rule, double value) {
  return rule.comparison == Comparison::above ? value <= rule.clear : value >= rule.clear;
}

// `since` is never after `now`; their difference may need the 64th bit.
bool has_lasted(std::int64_t since_us, std::int64_t now_us, std::int64_t for_us) {
  return static_cast<std::uint64_t>(now_us) - static_cast<std::uint64_t>(since_us) >=
         static_cast<std::uint64_t>(for_us);
}

}  // namespace

Transition evaluate(const ThresholdRule& rule, Evaluation& e, std::int64_t time_us, double value) {
  if (time_us <= e.last_time_us) return Transition::late;
  e.last_time_us = time_us;
  e.last_value = value;
  switch (e.state) {
    case State::ok:
      if (!is_past(rule, value)) return Transition::none;
      e.since_us = time_us;
      e.state = rule.for_us == 0 ? State::firing : State::pending;
      return rule.for_us == 0 ? Transition::fired : Transition::became_pending;
    case State::pending:
      if (!is_past(rule, value)) {
        e.state = State::ok;
        e.since_us = time_us;
        return Transition::pending_ended;
      }
      // since_us stays: an alert tells when its condition began.
      if (!has_lasted(e.since_us, time_us, rule.for_us)) return Transition::none;
      e.state = State::firing;
      return Transition::fired;
    case State::firing:
      if (!is_clear(rule, value)) return Transition::none;
      e.state = State::ok;
      e.since_us = time_us;
      return Transition::resolved;
  }
  return Transition::none;
}

std::optional<std::string> validate(const ThresholdRule& rule) {
  if (rule.comparison != Comparison::above && rule.comparison != Comparison::below) {
    return "the comparison must be above or below";
  }
  if (!std::isfinite(rule.threshold) || !std::isfinite(rule.clear)) return "threshold and clear must be finite numbers";
  if (rule.comparison == Comparison::above && rule.clear > rule.threshold) {
    return "clear must not be above the threshold of an \"above\" condition";
  }
  if (rule.comparison == Comparison::below && rule.clear < rule.threshold) {
    return "clear must not be below the threshold of a \"below\" condition";
  }
  if (rule.for_us < 0 || rule.for_us > 7 * 86'400'000'000LL) return "for must be 0s to 7d";
  return std::nullopt;
}

}  // namespace rules
