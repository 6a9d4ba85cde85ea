#include <gtest/gtest.h>

#include "hub/storage/sqlite/hub_database.h"
#include "tests/fakes/hub_fixture.h"

namespace hub::sqlite {
namespace {

using fakes::count_rows;
using fakes::HubFiles;

TEST(EventStore, events_are_read_in_order_after_an_id) {
  HubFiles files;
  EXPECT_EQ(files.events->last_event_id().value(), 0u);
  ExecutionRecord execution;
  execution.id = ExecutionId("x1");
  for (int i = 0; i < 5; ++i) {
    Event event{0, i, DeviceId("d1"), "execution", "x1", "{\"i\":" + std::to_string(i) + "}"};
    ASSERT_TRUE(files.executions->put(execution, event));
    EXPECT_EQ(event.id, static_cast<std::uint32_t>(i + 1));
  }
  files.reopen();
  EXPECT_EQ(files.events->last_event_id().value(), 5u);
  const auto events = files.events->events_after(2, 2).value();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].id, 3u);
  EXPECT_EQ(events[0].time_us, 2);
  EXPECT_EQ(events[0].device, DeviceId("d1"));
  EXPECT_EQ(events[0].kind, "execution");
  EXPECT_EQ(events[0].object_id, "x1");
  EXPECT_EQ(events[1].body_json, "{\"i\":3}");
}

TEST(EventStore, newest_hundred_thousand_are_kept) {
  HubFiles files;
  ASSERT_TRUE(files.db->connection().execute(
      "INSERT INTO events (time_us, device, kind, object_id, body) "
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i, '', 'alert', '', "
      "'{}' FROM n"));
  ExecutionRecord execution;
  execution.id = ExecutionId("x1");
  Event event{0, 1, DeviceId("d1"), "execution", "x1", "{}"};
  ASSERT_TRUE(files.executions->put(execution, event));
  EXPECT_EQ(event.id, 100'001u);
  EXPECT_EQ(count_rows(files.db->connection(), "SELECT COUNT(*) FROM events"), 100'000);
  EXPECT_EQ(files.events->events_after(0, 1).value()[0].id, 2u);
}

// --- executions ---

TEST(ExecutionStore, execution_comes_back_as_it_was_written) {
  HubFiles files;
  ExecutionRecord execution;
  execution.id = ExecutionId("x1");
  execution.device = DeviceId("d1");
  execution.command = "set-interval";
  execution.arguments_json = R"({"ms":5})";
  execution.requested_by = "ann";
  execution.idempotency_key = "key";
  execution.created_us = 1, execution.updated_us = 2, execution.not_after_us = 3;
  execution.timeout_ms = 4;
  Event event;
  ASSERT_TRUE(files.executions->put(execution, event));
  EXPECT_FALSE(files.executions->find(ExecutionId("x1")).value()->exit_code);

  execution.state = ExecutionState::failed;
  execution.progress_percent = 90, execution.device_revision = 7;
  execution.output = "out", execution.error = "err", execution.result_json = "{}";
  execution.exit_code = -3;
  ASSERT_TRUE(files.executions->put(execution, event));
  files.reopen();
  for (const auto& found : {files.executions->find(ExecutionId("x1")).value(),
                            files.executions->find_by_key(DeviceId("d1"), "key").value()}) {
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, execution.id);
    EXPECT_EQ(found->device, execution.device);
    EXPECT_EQ(found->command, execution.command);
    EXPECT_EQ(found->arguments_json, execution.arguments_json);
    EXPECT_EQ(found->requested_by, "ann");
    EXPECT_EQ(found->state, ExecutionState::failed);
    EXPECT_EQ(found->created_us, 1);
    EXPECT_EQ(found->updated_us, 2);
    EXPECT_EQ(found->not_after_us, 3);
    EXPECT_EQ(found->timeout_ms, 4u);
    EXPECT_EQ(found->progress_percent, 90u);
    EXPECT_EQ(found->device_revision, 7u);
    EXPECT_EQ(found->output, "out");
    EXPECT_EQ(found->error, "err");
    EXPECT_EQ(found->result_json, "{}");
    EXPECT_EQ(found->exit_code, -3);
  }
  EXPECT_FALSE(files.executions->find(ExecutionId("x2")).value());
  EXPECT_FALSE(files.executions->find_by_key(DeviceId("d2"), "key").value());
}

TEST(ExecutionStore, same_key_on_the_same_device_is_a_conflict_and_makes_no_event) {
  HubFiles files;
  ExecutionRecord execution;
  execution.id = ExecutionId("x1");
  execution.device = DeviceId("d1");
  execution.idempotency_key = "key";
  Event event;
  ASSERT_TRUE(files.executions->put(execution, event));
  execution.id = ExecutionId("x2");
  EXPECT_EQ(to_errc(files.executions->put(execution, event).error()), errc::conflict);
  EXPECT_EQ(files.events->last_event_id().value(), 1u);
  execution.device = DeviceId("d2");
  EXPECT_TRUE(files.executions->put(execution, event));
}

TEST(ExecutionStore, executions_without_a_key_do_not_collide) {
  HubFiles files;
  Event event;
  ExecutionRecord execution;
  execution.device = DeviceId("d1");
  for (const char* id : {"x1", "x2"}) {
    execution.id = ExecutionId(id);
    ASSERT_TRUE(files.executions->put(execution, event));
  }
  EXPECT_FALSE(files.executions->find_by_key(DeviceId("d1"), "").value());
}

TEST(ExecutionStore, lists_newest_first_and_loads_what_is_open) {
  HubFiles files;
  Event event;
  for (int state = 1; state <= 10; ++state) {
    ExecutionRecord execution;
    execution.id = ExecutionId("x" + std::to_string(state));
    execution.device = DeviceId("d1");
    execution.state = static_cast<ExecutionState>(state);
    ASSERT_TRUE(files.executions->put(execution, event));
  }
  const auto newest = files.executions->list(DeviceId("d1"), 3).value();
  ASSERT_EQ(newest.size(), 3u);
  EXPECT_EQ(newest[0].id, ExecutionId("x10"));
  EXPECT_EQ(newest[2].id, ExecutionId("x8"));
  EXPECT_TRUE(files.executions->list(DeviceId("d2"), 3).value().empty());
  std::vector<int> open;
  for (const auto& execution : files.executions->load_open().value()) open.push_back(static_cast<int>(execution.state));
  EXPECT_EQ(open, (std::vector<int>{1, 2, 3, 4, 10}));
}

// --- alerts ---

AlertRuleRecord hot_rule() {
  AlertRuleRecord rule;
  rule.id = RuleId("r1");
  rule.name = "too hot";
  rule.severity = "critical";
  rule.series_pattern = "temp.*";
  rule.devices = {"d1", "d2"};
  rule.condition = {rules::Comparison::below, -1.5, 0.25, 30'000'000};
  rule.created_us = 1, rule.updated_us = 2;
  rule.version = 3;
  return rule;
}

TEST(AlertStore, rule_comes_back_as_it_was_written) {
  HubFiles files;
  auto rule = hot_rule();
  ASSERT_TRUE(files.alerts->put_rule(rule));
  rule.version = 4;
  rule.condition.comparison = rules::Comparison::above;
  ASSERT_TRUE(files.alerts->put_rule(rule));
  files.reopen();
  const auto rules = files.alerts->load_rules().value();
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0].id, rule.id);
  EXPECT_EQ(rules[0].name, "too hot");
  EXPECT_EQ(rules[0].severity, "critical");
  EXPECT_EQ(rules[0].series_pattern, "temp.*");
  EXPECT_EQ(rules[0].devices, rule.devices);
  EXPECT_EQ(rules[0].condition.comparison, rules::Comparison::above);
  EXPECT_EQ(rules[0].condition.threshold, -1.5);
  EXPECT_EQ(rules[0].condition.clear, 0.25);
  EXPECT_EQ(rules[0].condition.for_us, 30'000'000);
  EXPECT_EQ(rules[0].version, 4u);
  rule.id = RuleId("r2");
  EXPECT_EQ(to_errc(files.alerts->put_rule(rule).error()), errc::conflict);
}

TEST(AlertStore, advance_is_one_transaction) {
  HubFiles files;
  EXPECT_EQ(files.alerts->load_cursor().value(), 0u);
  EvaluationRecord evaluation{RuleId("r1"), SeriesId{7}, {rules::State::firing, 100, INT64_MIN, 21.5}, AlertId("a1")};
  AlertRecord alert;
  alert.id = AlertId("a1");
  alert.rule = RuleId("r1");
  alert.rule_name = "too hot", alert.severity = "critical";
  alert.device = DeviceId("d1");
  alert.series = SeriesId{7};
  alert.series_name = "temp.cpu";
  alert.started_us = 90, alert.fired_us = 100;
  alert.value = 21.5;
  std::vector<Event> events(2);
  events[0].kind = events[1].kind = "alert";
  ASSERT_TRUE(files.alerts->advance(41, {evaluation}, {alert}, events));
  EXPECT_EQ(events[0].id, 1u);
  EXPECT_EQ(events[1].id, 2u);

  auto broken = alert;
  broken.id = AlertId("a2");
  broken.state = static_cast<AlertState>(9);
  auto changed = evaluation;
  changed.evaluation.state = rules::State::ok;
  EXPECT_FALSE(files.alerts->advance(42, {changed}, {broken}, events));
  files.reopen();
  EXPECT_EQ(files.alerts->load_cursor().value(), 41u);
  EXPECT_EQ(files.events->last_event_id().value(), 2u);
  const auto evaluations = files.alerts->load_evaluations().value();
  ASSERT_EQ(evaluations.size(), 1u);
  EXPECT_EQ(evaluations[0].evaluation, evaluation.evaluation);
  EXPECT_EQ(evaluations[0].rule, RuleId("r1"));
  EXPECT_EQ(evaluations[0].series, SeriesId{7});
  EXPECT_EQ(evaluations[0].alert, AlertId("a1"));
}

TEST(AlertStore, alert_changes_and_is_listed_by_state) {
  HubFiles files;
  std::vector<Event> none;
  AlertRecord first, second;
  first.id = AlertId("a1"), second.id = AlertId("a2");
  ASSERT_TRUE(files.alerts->advance(1, {}, {first, second}, none));
  first.state = AlertState::resolved;
  first.resolved_us = 500;
  first.value = 3.5;
  first.acknowledged_by = "ann", first.note = "known", first.acknowledged_us = 400;
  first.device_action = "log", first.device_error = "none";
  first.revision = 2;
  ASSERT_TRUE(files.alerts->advance(2, {}, {first}, none));
  files.reopen();
  const auto found = files.alerts->find_alert(AlertId("a1")).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, AlertState::resolved);
  EXPECT_EQ(found->resolved_us, 500);
  EXPECT_EQ(found->value, 3.5);
  EXPECT_EQ(found->acknowledged_by, "ann");
  EXPECT_EQ(found->note, "known");
  EXPECT_EQ(found->acknowledged_us, 400);
  EXPECT_EQ(found->device_action, "log");
  EXPECT_EQ(found->device_error, "none");
  EXPECT_EQ(found->revision, 2u);
  const auto all = files.alerts->list_alerts(0, 10).value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].id, AlertId("a2"));
  EXPECT_EQ(files.alerts->list_alerts(1, 10).value()[0].id, AlertId("a2"));
  EXPECT_EQ(files.alerts->list_alerts(2, 10).value()[0].id, AlertId("a1"));
  EXPECT_EQ(files.alerts->list_alerts(0, 1).value().size(), 1u);
  EXPECT_FALSE(files.alerts->find_alert(AlertId("a3")).value());
}

TEST(AlertStore, removed_rule_takes_its_evaluations_along) {
  HubFiles files;
  ASSERT_TRUE(files.alerts->put_rule(hot_rule()));
  std::vector<Event> none;
  ASSERT_TRUE(files.alerts->advance(1, {{RuleId("r1"), SeriesId{7}, {}, AlertId()}}, {}, none));
  ASSERT_TRUE(files.alerts->remove_rule(RuleId("r1")));
  EXPECT_TRUE(files.alerts->load_rules().value().empty());
  EXPECT_TRUE(files.alerts->load_evaluations().value().empty());
  EXPECT_EQ(to_errc(files.alerts->remove_rule(RuleId("r1")).error()), errc::not_found);
}

}  // namespace
}  // namespace hub::sqlite
