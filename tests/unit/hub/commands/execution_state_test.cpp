#include "hub/commands/execution_state.h"

#include <gtest/gtest.h>

#include <array>
#include <utility>

#include "hub/commands/execution_update.h"

namespace hub {
namespace {

using enum ExecutionState;
constexpr std::array kAll{queued, sent,     accepted, running,   succeeded,
                          failed, rejected, expired,  cancelled, unconfirmed};

telemetry::v1::ExecutionUpdate update(telemetry::v1::ExecutionState state, std::uint32_t revision) {
  telemetry::v1::ExecutionUpdate out;
  out.set_state(state);
  out.set_revision(revision);
  return out;
}

TEST(ExecutionState, final_states_never_change) {
  for (const auto from : kAll) {
    for (const auto to : kAll) {
      EXPECT_FALSE(is_final(from) && is_legal(from, to)) << to_string(from) << " to " << to_string(to);
    }
  }
}

TEST(ExecutionState, unconfirmed_is_settled_by_any_final_state) {
  for (const auto to : kAll) {
    EXPECT_TRUE(!is_final(to) || is_legal(unconfirmed, to)) << to_string(to);
  }
  EXPECT_FALSE(is_legal(unconfirmed, sent));
  EXPECT_FALSE(is_legal(unconfirmed, queued));
}

TEST(ExecutionState, what_ran_cannot_become_never_ran) {
  EXPECT_FALSE(is_legal(running, expired));
  EXPECT_FALSE(is_legal(running, rejected));
  EXPECT_FALSE(is_legal(running, queued));
  EXPECT_FALSE(is_legal(accepted, queued));
}

TEST(ExecutionState, devices_cannot_report_what_only_the_hub_knows) {
  using namespace telemetry::v1;
  for (const auto state : {EXECUTION_STATE_UNSPECIFIED, EXECUTION_STATE_QUEUED, EXECUTION_STATE_SENT,
                           static_cast<telemetry::v1::ExecutionState>(77)}) {
    EXPECT_EQ(reported_state(state), std::nullopt);
  }
  EXPECT_EQ(reported_state(EXECUTION_STATE_RUNNING), running);
  EXPECT_EQ(reported_state(EXECUTION_STATE_EXPIRED), expired);
  EXPECT_EQ(reported_state(EXECUTION_STATE_UNCONFIRMED), unconfirmed);  // interrupted: it does not know either
}

TEST(ExecutionUpdate, output_is_appended_and_bounded_at_a_character) {
  ExecutionRecord record;
  record.state = running;
  auto first = update(telemetry::v1::EXECUTION_STATE_RUNNING, 1);
  first.set_output(std::string(kOutputBytes - 3, 'a'));
  EXPECT_EQ(apply_update(first, 1, record), UpdateVerdict::applied);
  auto second = update(telemetry::v1::EXECUTION_STATE_RUNNING, 2);
  second.set_output("ää");  // four bytes, three fit, so one character does
  EXPECT_EQ(apply_update(second, 2, record), UpdateVerdict::applied);
  EXPECT_EQ(record.output.size(), kOutputBytes - 1);
  EXPECT_TRUE(record.output.ends_with("aä"));
}

TEST(ExecutionUpdate, older_revisions_change_nothing) {
  ExecutionRecord record;
  record.state = sent;
  EXPECT_EQ(apply_update(update(telemetry::v1::EXECUTION_STATE_RUNNING, 5), 1, record), UpdateVerdict::applied);
  const auto before = record;
  EXPECT_EQ(apply_update(update(telemetry::v1::EXECUTION_STATE_SUCCEEDED, 5), 2, record), UpdateVerdict::known);
  EXPECT_EQ(apply_update(update(telemetry::v1::EXECUTION_STATE_SUCCEEDED, 0), 2, record), UpdateVerdict::known);
  EXPECT_EQ(record.state, before.state);
  EXPECT_EQ(record.updated_us, before.updated_us);
}

TEST(ExecutionUpdate, progress_never_goes_back_and_stops_at_a_hundred) {
  ExecutionRecord record;
  record.state = running;
  std::uint32_t revision = 0;
  for (const auto& [said, kept] : {std::pair{40u, 40u}, {30u, 40u}, {200u, 100u}}) {
    auto one = update(telemetry::v1::EXECUTION_STATE_RUNNING, ++revision);
    one.set_progress_percent(said);
    EXPECT_EQ(apply_update(one, 1, record), UpdateVerdict::applied);
    EXPECT_EQ(record.progress_percent, kept);
  }
}

TEST(ExecutionUpdate, results_that_are_not_json_are_not_kept) {
  ExecutionRecord record;
  record.state = running;
  auto bad = update(telemetry::v1::EXECUTION_STATE_RUNNING, 1);
  bad.set_result_json("{");
  EXPECT_EQ(apply_update(bad, 1, record), UpdateVerdict::applied);
  EXPECT_EQ(record.result_json, "");
  auto good = update(telemetry::v1::EXECUTION_STATE_SUCCEEDED, 2);
  good.set_result_json(R"({"a":1})");
  EXPECT_EQ(apply_update(good, 1, record), UpdateVerdict::applied);
  EXPECT_EQ(record.result_json, R"({"a":1})");
  EXPECT_EQ(record.exit_code, 0);
}

TEST(ExecutionUpdate, a_failure_without_exit_code_has_none) {
  ExecutionRecord record;
  record.state = running;
  auto failure = update(telemetry::v1::EXECUTION_STATE_FAILED, 1);
  failure.set_error("timed out");
  EXPECT_EQ(apply_update(failure, 1, record), UpdateVerdict::applied);
  EXPECT_EQ(record.exit_code, std::nullopt);
  EXPECT_EQ(record.error, "timed out");
}

}  // namespace
}  // namespace hub
