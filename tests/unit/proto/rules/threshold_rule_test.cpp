#include "rules/threshold_rule.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <vector>

namespace rules {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

ThresholdRule above(double threshold, double clear, std::int64_t for_us = 0) {
  return {Comparison::above, threshold, clear, for_us};
}

TEST(ThresholdRule, fires_at_once_without_for) {
  Evaluation e;
  EXPECT_EQ(evaluate(above(30, 25), e, 10, 30), Transition::none);  // strictly above
  EXPECT_EQ(evaluate(above(30, 25), e, 11, 30.5), Transition::fired);
  EXPECT_EQ(e, (Evaluation{State::firing, 11, 11, 30.5}));
}

TEST(ThresholdRule, waits_for_its_duration_in_event_time) {
  const auto rule = above(30, 30, 10 * kSecond);
  Evaluation e;
  EXPECT_EQ(evaluate(rule, e, 5 * kSecond, 31), Transition::became_pending);
  EXPECT_EQ(e.since_us, 5 * kSecond);
  EXPECT_EQ(evaluate(rule, e, 14 * kSecond, 31), Transition::none);
  EXPECT_EQ(evaluate(rule, e, 15 * kSecond, 31), Transition::fired);
}

TEST(ThresholdRule, a_pause_in_the_condition_starts_the_wait_again) {
  const auto rule = above(30, 30, 10 * kSecond);
  Evaluation e;
  evaluate(rule, e, 1 * kSecond, 31);
  EXPECT_EQ(evaluate(rule, e, 9 * kSecond, 30), Transition::pending_ended);
  EXPECT_EQ(evaluate(rule, e, 12 * kSecond, 31), Transition::became_pending);
  EXPECT_EQ(evaluate(rule, e, 21 * kSecond, 31), Transition::none);
  EXPECT_EQ(evaluate(rule, e, 22 * kSecond, 31), Transition::fired);
}

TEST(ThresholdRule, resolves_at_the_clear_level_only) {
  Evaluation e;
  evaluate(above(30, 25), e, 1, 31);
  EXPECT_EQ(evaluate(above(30, 25), e, 2, 26), Transition::none);
  EXPECT_EQ(evaluate(above(30, 25), e, 3, 31), Transition::none);
  EXPECT_EQ(evaluate(above(30, 25), e, 4, 25), Transition::resolved);
  EXPECT_EQ(e, (Evaluation{State::ok, 4, 4, 25}));
}

TEST(ThresholdRule, below_is_the_mirror) {
  const ThresholdRule rule{Comparison::below, 5, 8, 0};
  Evaluation e;
  EXPECT_EQ(evaluate(rule, e, 1, 5), Transition::none);
  EXPECT_EQ(evaluate(rule, e, 2, 4), Transition::fired);
  EXPECT_EQ(evaluate(rule, e, 3, 7.9), Transition::none);
  EXPECT_EQ(evaluate(rule, e, 4, 8), Transition::resolved);
}

TEST(ThresholdRule, a_boolean_above_zero_resolves_at_zero) {
  Evaluation e;
  EXPECT_EQ(evaluate(above(0, 0), e, 1, 1), Transition::fired);
  EXPECT_EQ(evaluate(above(0, 0), e, 2, 0), Transition::resolved);
}

TEST(ThresholdRule, late_readings_change_nothing) {
  Evaluation e;
  evaluate(above(30, 25), e, 10, 31);
  const Evaluation before = e;
  EXPECT_EQ(evaluate(above(30, 25), e, 10, 0), Transition::late);
  EXPECT_EQ(evaluate(above(30, 25), e, 9, 0), Transition::late);
  EXPECT_EQ(e, before);
}

TEST(ThresholdRule, extreme_times_do_not_overflow) {
  const auto rule = above(0, 0, 7 * 86'400 * kSecond);
  Evaluation e;
  EXPECT_EQ(evaluate(rule, e, std::numeric_limits<std::int64_t>::min() + 1, 1), Transition::became_pending);
  EXPECT_EQ(evaluate(rule, e, std::numeric_limits<std::int64_t>::max(), 1), Transition::fired);
}

TEST(ThresholdRule, unusable_rules_are_named) {
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(validate(above(30, 30)));
  EXPECT_FALSE(validate({Comparison::below, 5, 8, 7 * 86'400 * kSecond}));
  EXPECT_NE(validate(above(30, 31))->find("clear"), std::string::npos);
  EXPECT_NE(validate({Comparison::below, 5, 4, 0})->find("clear"), std::string::npos);
  EXPECT_NE(validate(above(infinite, 0))->find("threshold"), std::string::npos);
  EXPECT_NE(validate(above(30, std::numeric_limits<double>::quiet_NaN()))->find("clear"), std::string::npos);
  EXPECT_NE(validate(above(30, 25, -1))->find("for"), std::string::npos);
  EXPECT_NE(validate(above(30, 25, 7 * 86'400 * kSecond + 1))->find("for"), std::string::npos);
  EXPECT_TRUE(validate({static_cast<Comparison>(9), 0, 0, 0}));
}

// --- properties, over readings in any order ---

struct Reading {
  std::int64_t time_us;
  double value;
};

rc::Gen<std::vector<Reading>> readings() {
  return rc::gen::container<std::vector<Reading>>(
      rc::gen::construct<Reading>(rc::gen::inRange<std::int64_t>(0, 200),
                                  rc::gen::map(rc::gen::inRange(0, 9), [](int v) { return static_cast<double>(v); })));
}

ThresholdRule any_rule() {
  ThresholdRule rule;
  rule.comparison = *rc::gen::element(Comparison::above, Comparison::below);
  rule.threshold = *rc::gen::inRange(0, 9);
  const int slack = *rc::gen::inRange(0, 4);
  rule.clear = rule.comparison == Comparison::above ? rule.threshold - slack : rule.threshold + slack;
  rule.for_us = *rc::gen::inRange<std::int64_t>(0, 60);
  return rule;
}

bool violates(const ThresholdRule& rule, double v) {
  return rule.comparison == Comparison::above ? v > rule.threshold : v < rule.threshold;
}

RC_GTEST_PROP(ThresholdRuleProperties, fires_and_resolves_as_defined, ()) {
  const auto rule = any_rule();
  RC_ASSERT(!validate(rule));
  Evaluation e, twin;
  std::vector<Reading> accepted;  // in event time
  for (const auto& reading : *readings()) {
    const Evaluation before = e;
    const auto transition = evaluate(rule, e, reading.time_us, reading.value);
    RC_ASSERT(evaluate(rule, twin, reading.time_us, reading.value) == transition);  // deterministic
    RC_ASSERT(twin == e);
    if (reading.time_us <= before.last_time_us) {
      RC_ASSERT(transition == Transition::late);
      RC_ASSERT(e == before);
      continue;
    }
    accepted.push_back(reading);
    RC_ASSERT(e.last_time_us == reading.time_us);
    RC_ASSERT(e.last_value == reading.value);
    // A state changes exactly where a transition says so, and begins at this reading.
    const bool changed = e.state != before.state;
    RC_ASSERT(changed == (transition != Transition::none));
    RC_ASSERT(e.since_us == (changed ? reading.time_us : before.since_us));
    switch (transition) {
      case Transition::fired: {
        RC_ASSERT(before.state != State::firing);
        RC_ASSERT(e.state == State::firing);
        // Every reading of the last for_us violated, and the violation is at least that old.
        std::int64_t began = reading.time_us;
        for (auto it = accepted.rbegin(); it != accepted.rend() && violates(rule, it->value); ++it) began = it->time_us;
        RC_ASSERT(reading.time_us - began >= rule.for_us);
        break;
      }
      case Transition::resolved:
        RC_ASSERT(before.state == State::firing);
        RC_ASSERT((rule.comparison == Comparison::above ? reading.value <= rule.clear : reading.value >= rule.clear));
        RC_ASSERT(e.state == State::ok);
        break;
      case Transition::became_pending:
        RC_ASSERT((before.state == State::ok && e.state == State::pending && rule.for_us > 0));
        break;
      case Transition::pending_ended:
        RC_ASSERT((before.state == State::pending && e.state == State::ok && !violates(rule, reading.value)));
        break;
      case Transition::none:
        // Nothing was due: a firing rule is not clear, an ok one not violated, a pending one violated too shortly.
        if (e.state == State::ok) RC_ASSERT(!violates(rule, reading.value));
        if (e.state == State::pending) RC_ASSERT(reading.time_us - e.since_us < rule.for_us);
        break;
      case Transition::late:
        RC_FAIL("a newer reading is not late");
    }
  }
}

// What lets the hub replay commits from a cursor that is behind its evaluations.
RC_GTEST_PROP(ThresholdRuleProperties, evaluating_a_prefix_again_changes_nothing, ()) {
  const auto rule = any_rule();
  const auto all = *readings();
  Evaluation e;
  for (const auto& reading : all) evaluate(rule, e, reading.time_us, reading.value);
  const Evaluation end = e;
  const auto from = *rc::gen::inRange<std::size_t>(0, all.size() + 1);
  for (std::size_t i = from; i < all.size(); ++i) {
    RC_ASSERT(evaluate(rule, e, all[i].time_us, all[i].value) == Transition::late);
  }
  RC_ASSERT(e == end);
}

}  // namespace
}  // namespace rules
