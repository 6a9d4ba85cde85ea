// No alert forgotten, none raised twice: restarts, kills at each write, a full disk, commits that are gone.
#include <set>

#include "rules/threshold_rule.h"
#include "tests/unit/hub/alerts/alerts_fixture.h"

namespace hub {
namespace {

using Alerts = AlertsFixture;

TEST_F(Alerts, a_firing_alert_survives_a_restart_and_is_not_raised_again) {
  make(hot());
  read(0, 31);
  const auto before = firing();
  take_published();
  restart();
  wait_evaluated();
  EXPECT_TRUE(take_published().empty());
  read(1, 32);
  ASSERT_EQ(alerts().size(), 1u);
  EXPECT_EQ(firing()[0].id, before[0].id);
  read(2, 20);
  EXPECT_EQ(alerts()[0].state, AlertState::resolved);
}

TEST_F(Alerts, readings_stored_while_the_service_was_away_are_evaluated_at_the_start) {
  make(hot(10));
  read(0, 31);  // pending, only in memory
  end();
  files.reopen();
  begin(false);
  store_frame(temperature, std::vector<double>{31, 31}, {5, 12});
  store_frame(temperature, std::vector<double>{20}, {13});
  store_frame(temperature, std::vector<double>{31, 31}, {14, 30});
  start();
  wait_evaluated();
  const auto all = alerts();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].started_us, kBase);
  EXPECT_EQ(all[1].fired_us, kBase + 12 * kSecond);
  EXPECT_EQ(all[1].resolved_us, kBase + 13 * kSecond);
  EXPECT_EQ(all[0].state, AlertState::firing);
  read(31, 20);  // live afterwards
  EXPECT_TRUE(firing().empty());
}

TEST_F(Alerts, a_kill_between_commit_and_advance_loses_no_alert) {
  make(hot());
  store->writes_until_failure = 0;
  read(0, 31);
  EXPECT_TRUE(alerts().empty());  // stored it is not, so nobody was told
  EXPECT_TRUE(take_published().empty());
  restart();
  wait_evaluated();
  ASSERT_EQ(firing().size(), 1u);
  EXPECT_EQ(firing()[0].fired_us, kBase);
  EXPECT_EQ(take_published().size(), 1u);
}

TEST_F(Alerts, a_stored_alert_does_not_carry_the_cursor_past_what_only_memory_knows) {
  make(hot(10));
  auto wet = hot();
  wet.name = "wet";
  wet.series_pattern = "humidity";
  make(wet);
  const auto humidity = define("humidity", ValueType::number);
  read(0, 31);            // hot is pending: in memory only
  read(humidity, 1, 60);  // wet fires: stored
  ASSERT_EQ(firing().size(), 1u);
  restart();
  read(10, 31);
  const auto active = firing();
  ASSERT_EQ(active.size(), 2u);
  EXPECT_EQ(active[0].rule_name, "hot");
  EXPECT_EQ(active[0].started_us, kBase);
}

TEST_F(Alerts, while_nothing_can_be_stored_evaluation_rests_and_many_alerts_do_not_pile_up) {
  make(hot());
  constexpr int kChanges = 1'200;
  store->writes_until_failure = 0;
  const CommitNumber before = readings->head().commit;
  on([&] {  // control is held, so that all of them wait together
    for (int frame = 0; frame < 5; ++frame) {
      std::vector<double> values;
      std::vector<std::int64_t> seconds;
      for (int i = 0; i < kChanges; ++i) {
        values.push_back(i % 2 == 0 ? 31 : 20);
        seconds.push_back(frame * kChanges + i);
      }
      store_frame(temperature, values, seconds);
    }
  });
  wait_until([&] { return service->status().evaluated > before; });
  EXPECT_EQ(on([&] { return service->status().evaluated; }), before + 1);
  pass(kSecond);
  EXPECT_EQ(on([&] { return service->status().evaluated; }), before + 1);
  store->writes_until_failure = -1;
  pass(kSecond);
  wait_evaluated();
  EXPECT_EQ(on([&] { return service->alerts(0, 10'000).value().size(); }), 5u * kChanges / 2);
}

TEST_F(Alerts, a_full_disk_delays_alerts_and_loses_none) {
  make(hot());
  store->writes_until_failure = 0;
  read(0, 31);
  for (int i = 1; i < 20; ++i) {
    store_frame(temperature, std::vector<double>{i % 2 == 0 ? 31.0 : 20.0}, {i});
  }
  pass(kSecond);
  EXPECT_TRUE(take_published().empty());
  const auto refused = on([&] { return service->create_rule(hot()); });
  EXPECT_FALSE(refused);
  store->writes_until_failure = -1;
  pass(kSecond);
  wait_evaluated();
  EXPECT_EQ(alerts().size(), 10u);
  EXPECT_TRUE(firing().empty());
  EXPECT_EQ(take_published().size(), 20u);
}

TEST_F(Alerts, the_cursor_is_stored_every_ten_seconds_with_its_evaluations) {
  make(hot(100));
  read(0, 31);
  read(1, 31);
  const auto head = readings->head().commit;
  pass(9 * kSecond);
  EXPECT_LT(on([&] { return files.alerts->load_cursor().value(); }), head);
  pass(kSecond);
  EXPECT_EQ(on([&] { return files.alerts->load_cursor().value(); }), head);
  const auto evaluations = on([&] { return files.alerts->load_evaluations().value(); });
  ASSERT_EQ(evaluations.size(), 1u);
  EXPECT_EQ(evaluations[0].evaluation.state, rules::State::pending);
  EXPECT_EQ(evaluations[0].evaluation.last_time_us, kBase + kSecond);
  EXPECT_EQ(on([&] { return service->status().stored_cursor; }), head);
}

// The whole truth for comparison: one evaluation over all readings in commit order.
struct Expected {
  std::int64_t started_us, fired_us, resolved_us;
  bool operator==(const Expected&) const = default;
};
std::vector<Expected> expected(const rules::ThresholdRule& rule, const std::vector<std::pair<int, double>>& readings) {
  std::vector<Expected> out;
  rules::Evaluation e;
  for (const auto& [second, value] : readings) {
    const auto before = e;
    const std::int64_t t = kBase + second * kSecond;
    const auto transition = rules::evaluate(rule, e, t, value);
    if (transition == rules::Transition::fired) {
      out.push_back({before.state == rules::State::pending ? before.since_us : t, t, 0});
    }
    if (transition == rules::Transition::resolved) out.back().resolved_us = t;
  }
  return out;
}

TEST_F(Alerts, a_kill_at_any_write_changes_nothing_in_the_end) {
  // Rises for four readings, falls for two, some of them late: eight times, under a rule of two seconds.
  std::vector<std::pair<int, double>> data;
  int second = 0;
  base::SeededRandom dice(3);
  for (int i = 0; i < 48; ++i) {
    second += static_cast<int>(dice.next_u64() % 3);
    const int late = dice.next_u64() % 5 == 0 ? 4 : 0;
    data.emplace_back(second - late, i % 6 < 4 ? 35.0 : 20.0);
  }
  const auto rule = make(hot(2));
  const auto truth = expected(rule.condition, data);
  ASSERT_GE(truth.size(), 4u);

  // Every round stores some readings, is killed at its n-th write (or after none), and begins again.
  int kill_at = 0;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (i % 2 == 0) store->writes_until_failure = kill_at++ % 3;
    store_frame(temperature, std::vector<double>{data[i].second}, {data[i].first});
    if (i % 4 == 1) wait_evaluated_or_stalled();
    if (i % 3 == 2) {
      pass(10 * kSecond);  // a flush that may fail
      restart();
    }
  }
  restart();
  wait_evaluated();
  std::vector<Expected> got;
  for (const auto& alert : alerts()) got.insert(got.begin(), {alert.started_us, alert.fired_us, alert.resolved_us});
  EXPECT_EQ(got.size(), truth.size());
  EXPECT_TRUE(got == truth);
}

TEST_F(Alerts, what_is_gone_from_the_journal_is_evaluated_from_the_chunks) {
  make(hot(10));
  read(0, 31);
  pass(10 * kSecond);  // the pending evaluation is stored
  end();
  files.reopen();
  begin(false);
  const auto humidity = define("humidity", ValueType::number);
  for (int i = 1; i <= 9; ++i) store_frame(temperature, std::vector<double>{31}, {2 * i});
  store_frame(humidity, std::vector<double>{99}, {3});
  store_frame(temperature, std::vector<double>{20}, {40});
  readings->forgotten_through = readings->head().commit;
  readings->refused_reads = 2;  // and the store is busy first
  start();
  pass(kSecond);
  pass(kSecond);
  wait_evaluated();
  const auto all = alerts();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].started_us, kBase);
  EXPECT_EQ(all[0].fired_us, kBase + 10 * kSecond);
  EXPECT_EQ(all[0].resolved_us, kBase + 40 * kSecond);
  read(41, 31);  // goes on live
  read(51, 31);
  EXPECT_EQ(firing().size(), 1u);
  EXPECT_TRUE(on([&] { return service->status().is_live; }));
}

TEST_F(Alerts, a_commit_that_is_missing_among_the_others_is_evaluated_from_the_chunks) {
  make(hot());
  end();
  files.reopen();
  begin(false);
  const CommitNumber before = readings->head().commit;
  for (int i = 0; i < 3; ++i) store_frame(temperature, std::vector<double>{i == 1 ? 31.0 : 20.0}, {i});
  readings->hole = before + 2;
  start();
  wait_evaluated();
  ASSERT_EQ(alerts().size(), 1u);
  EXPECT_EQ(alerts()[0].fired_us, kBase + kSecond);
  EXPECT_EQ(alerts()[0].resolved_us, kBase + 2 * kSecond);
}

TEST_F(Alerts, a_cursor_ahead_of_a_restored_journal_is_moved_back) {
  make(hot());
  read(0, 20);
  on([&] {
    std::vector<Event> none;
    ASSERT_TRUE(files.alerts->advance(1'000, {}, {}, none));
  });
  restart();
  read(1, 31);
  EXPECT_EQ(firing().size(), 1u);
  pass(20 * kSecond);
  EXPECT_EQ(on([&] { return files.alerts->load_cursor().value(); }), readings->head().commit);
}

TEST_F(Alerts, a_cursor_ahead_is_not_stored_again_while_history_waits) {
  make(hot());
  read(0, 20);
  on([&] {
    std::vector<Event> none;
    ASSERT_TRUE(files.alerts->advance(1'000, {}, {}, none));
  });
  end();
  files.reopen();
  begin(false);
  readings->refused_reads = 1;  // no tick, so it is not read again
  start();
  auto other = hot();
  other.name = "hot too";
  make(other);  // stores the cursor
  EXPECT_LE(on([&] { return files.alerts->load_cursor().value(); }), readings->head().commit);
}

TEST_F(Alerts, a_value_that_flaps_is_stored_in_parts_and_a_stop_between_them_loses_nothing) {
  make(hot());
  constexpr int kAlerts = 1'800;  // 3,600 changes: four parts
  std::vector<double> values;
  std::vector<std::int64_t> seconds;
  for (int i = 0; i < 2 * kAlerts; ++i) {
    values.push_back(i % 2 == 0 ? 31 : 20);
    seconds.push_back(i);
  }
  store->writes_until_failure = 2;
  store_frame(temperature, values, seconds);
  wait_evaluated_or_stalled();
  const auto stored = on([&] { return files.alerts->list_alerts(0, 10'000).value().size(); });
  EXPECT_EQ(stored, 1'000u);  // fired and resolved
  EXPECT_EQ(take_published().size(), 2'000u);
  restart();
  wait_evaluated();
  const auto all = on([&] { return service->alerts(0, 10'000).value(); });
  std::set<std::int64_t> fired;
  for (const auto& alert : all) {
    fired.insert(alert.fired_us);
    EXPECT_EQ(alert.resolved_us, alert.fired_us + kSecond);
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kAlerts));
  EXPECT_EQ(fired.size(), static_cast<std::size_t>(kAlerts));
  EXPECT_EQ(take_published().size(), 1'600u);
}

TEST_F(Alerts, a_rule_does_not_see_what_came_before_it_after_a_restart) {
  read(0, 31);
  read(1, 20);
  make(hot());
  restart();
  wait_evaluated();
  EXPECT_TRUE(alerts().empty());
}

TEST_F(Alerts, a_stop_in_the_middle_of_a_rules_change_leaves_no_orphan) {
  auto rule = make(hot());
  for (int writes = 0; writes < 4; ++writes) {
    read(writes * 10 + 1, 31);
    rule = *on([&] { return service->rule(rule.id); });
    rule.severity = writes % 2 == 0 ? "info" : "warning";
    store->writes_until_failure = writes;
    (void)on([&] { return service->update_rule(rule, rule.version); });
    restart();
    wait_evaluated();
    EXPECT_LE(firing().size(), 1u);
    read(writes * 10 + 2, 31);
    EXPECT_EQ(firing().size(), 1u);
    read(writes * 10 + 3, 20);
    EXPECT_TRUE(firing().empty());
  }
  // A rule that went without its alerts (a stop between two transactions of an older hub).
  read(100, 31);
  ASSERT_EQ(firing().size(), 1u);
  end();
  files.reopen();
  ASSERT_TRUE(files.alerts->remove_rule(rule.id));
  begin();
  EXPECT_TRUE(firing().empty());
}

TEST_F(Alerts, the_service_may_end_while_commits_arrive) {
  make(hot());
  for (int i = 0; i < 50; ++i) store_frame(temperature, std::vector<double>{i % 2 == 0 ? 31.0 : 20.0}, {i});
  restart();  // ends with whatever was evaluated by then
  wait_evaluated();
  EXPECT_EQ(alerts().size(), 25u);
  std::set<std::int64_t> fired;
  for (const auto& alert : alerts()) fired.insert(alert.fired_us);
  EXPECT_EQ(fired.size(), 25u);
}

}  // namespace
}  // namespace hub
