#include "rules/threshold_rule.h"

#include <cmath>

namespace rules {
namespace {

constexpr std::int64_t kLongestForUs = 7LL * 86'400 * 1'000'000;

bool is_violated(const ThresholdRule& rule, double value) {
  return rule.comparison == Comparison::above ? value > rule.threshold : value < rule.threshold;
}

// Reaching the clear level is enough: with clear = threshold (a boolean "above 0") nothing lies between.
bool is_cleared(const ThresholdRule& rule, double value) {
  return rule.comparison == Comparison::above ? value <= rule.clear : value >= rule.clear;
}

// `since` is never after `now`; their difference may need the 64th bit.
bool has_lasted(std::int64_t since_us, std::int64_t now_us, std::int64_t for_us) {
  return static_cast<std::uint64_t>(now_us) - static_cast<std::uint64_t>(since_us) >=
         static_cast<std::uint64_t>(for_us);
}

void enter(Evaluation& evaluation, State state, std::int64_t time_us) {
  evaluation.state = state;
  evaluation.since_us = time_us;
}

}  // namespace

Transition evaluate(const ThresholdRule& rule, Evaluation& evaluation, std::int64_t time_us, double value) {
  if (time_us <= evaluation.last_time_us) return Transition::late;
  evaluation.last_time_us = time_us;
  evaluation.last_value = value;
  switch (evaluation.state) {
    case State::ok:
      if (!is_violated(rule, value)) return Transition::none;
      if (rule.for_us > 0) {
        enter(evaluation, State::pending, time_us);
        return Transition::became_pending;
      }
      enter(evaluation, State::firing, time_us);
      return Transition::fired;
    case State::pending:
      if (!is_violated(rule, value)) {
        enter(evaluation, State::ok, time_us);
        return Transition::pending_ended;
      }
      if (!has_lasted(evaluation.since_us, time_us, rule.for_us)) return Transition::none;
      enter(evaluation, State::firing, time_us);
      return Transition::fired;
    case State::firing:
      if (!is_cleared(rule, value)) return Transition::none;
      enter(evaluation, State::ok, time_us);
      return Transition::resolved;
  }
  return Transition::none;
}

std::optional<std::string> validate(const ThresholdRule& rule) {
  if (rule.comparison != Comparison::above && rule.comparison != Comparison::below) {
    return "the comparison must be above or below";
  }
  if (!std::isfinite(rule.threshold)) return "the threshold must be a finite number";
  if (!std::isfinite(rule.clear)) return "clear must be a finite number";
  if (rule.comparison == Comparison::above && rule.clear > rule.threshold) {
    return "clear must not be greater than the threshold of an \"above\" rule";
  }
  if (rule.comparison == Comparison::below && rule.clear < rule.threshold) {
    return "clear must not be less than the threshold of a \"below\" rule";
  }
  if (rule.for_us < 0 || rule.for_us > kLongestForUs) return "for must be from 0s to 7d";
  return std::nullopt;
}

}  // namespace rules
