#include "hub/storage/alert_store.h"

#include "hub/storage/sqlite/cached_statement.h"
#include "hub/storage/sqlite/event_log.h"
#include "hub/storage/sqlite/hub_database.h"
#include "hub/storage/sqlite/json_columns.h"

namespace hub::sqlite {
namespace {

// Resolved alerts older than this many newer ones go when a new alert comes.
constexpr std::int64_t kAlertsKept = 100'000;

#define ALERT_COLUMNS                                                                                             \
  "id, rule, rule_name, severity, device, series, series_name, state, started_us, fired_us, resolved_us, value, " \
  "acknowledged_by, note, acknowledged_us, device_action, device_error, revision"

AlertRecord alert_of(const Statement& row) {
  AlertRecord alert;
  alert.id = AlertId(std::string(row.text(0)));
  alert.rule = RuleId(std::string(row.text(1)));
  alert.rule_name = row.text(2);
  alert.severity = row.text(3);
  alert.device = DeviceId(std::string(row.text(4)));
  alert.series = static_cast<SeriesId>(row.integer(5));
  alert.series_name = row.text(6);
  alert.state = static_cast<AlertState>(row.integer(7));
  alert.started_us = row.integer(8);
  alert.fired_us = row.integer(9);
  alert.resolved_us = row.integer(10);
  alert.value = row.real(11);
  alert.acknowledged_by = row.text(12);
  alert.note = row.text(13);
  alert.acknowledged_us = row.integer(14);
  alert.device_action = row.text(15);
  alert.device_error = row.text(16);
  alert.revision = static_cast<std::uint32_t>(row.integer(17));
  return alert;
}

class SqliteAlertStore final : public AlertStore {
 public:
  explicit SqliteAlertStore(Database& db) : db_(db), events_(db) {}

  Result<std::vector<AlertRuleRecord>> load_rules() override {
    std::vector<AlertRuleRecord> rules;
    const auto done = load_rules_.each([&](const Statement& row) {
      AlertRuleRecord rule;
      rule.id = RuleId(std::string(row.text(0)));
      rule.name = row.text(1);
      rule.severity = row.text(2);
      rule.series_pattern = row.text(3);
      const bool readable = from_json_text(row.text(4), rule.devices);
      rule.condition.comparison = static_cast<rules::Comparison>(row.integer(5));
      rule.condition.threshold = row.real(6);
      rule.condition.clear = row.real(7);
      rule.condition.for_us = row.integer(8);
      rule.created_us = row.integer(9);
      rule.updated_us = row.integer(10);
      rule.version = static_cast<std::uint32_t>(row.integer(11));
      rules.push_back(std::move(rule));
      return readable;
    });
    if (!done) return done.error();
    return rules;
  }

  Result<void> put_rule(const AlertRuleRecord& rule) override {
    return put_rule_.run(rule.id.str(), rule.name, rule.severity, rule.series_pattern, to_json_text(rule.devices),
                         static_cast<int>(rule.condition.comparison), rule.condition.threshold, rule.condition.clear,
                         rule.condition.for_us, rule.created_us, rule.updated_us, rule.version);
  }

  Result<void> remove_rule(const RuleId& rule) override {
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    if (auto done = remove_rule_.run(rule.str()); !done) return done.error();
    if (db_.changes() == 0) return errc::not_found;
    if (auto done = remove_evaluations_.run(rule.str()); !done) return done.error();
    return transaction->commit();
  }

  Result<std::vector<EvaluationRecord>> load_evaluations() override {
    std::vector<EvaluationRecord> evaluations;
    const auto done = load_evaluations_.each([&](const Statement& row) {
      EvaluationRecord one;
      one.rule = RuleId(std::string(row.text(0)));
      one.series = static_cast<SeriesId>(row.integer(1));
      one.evaluation.state = static_cast<rules::State>(row.integer(2));
      one.evaluation.since_us = row.integer(3);
      one.evaluation.last_time_us = row.integer(4);
      one.evaluation.last_value = row.real(5);
      one.alert = AlertId(std::string(row.text(6)));
      evaluations.push_back(std::move(one));
    });
    if (!done) return done.error();
    return evaluations;
  }

  Result<CommitNumber> load_cursor() override {
    CommitNumber cursor = 0;
    const auto done =
        load_cursor_.each([&](const Statement& row) { cursor = static_cast<CommitNumber>(row.integer(0)); });
    if (!done) return done.error();
    return cursor;
  }

  Result<void> advance(CommitNumber cursor, const std::vector<EvaluationRecord>& evaluations,
                       const std::vector<AlertRecord>& alerts, std::vector<Event>& events) override {
    auto transaction = Transaction::begin(db_);
    if (!transaction) return transaction.error();
    for (const auto& one : evaluations) {
      const auto done = put_evaluation_.run(one.rule.str(), raw(one.series), static_cast<int>(one.evaluation.state),
                                            one.evaluation.since_us, one.evaluation.last_time_us,
                                            one.evaluation.last_value, one.alert.str());
      if (!done) return done.error();
    }
    for (const auto& alert : alerts) {
      const auto done =
          put_alert_.run(alert.id.str(), alert.rule.str(), alert.rule_name, alert.severity, alert.device.str(),
                         raw(alert.series), alert.series_name, static_cast<int>(alert.state), alert.started_us,
                         alert.fired_us, alert.resolved_us, alert.value, alert.acknowledged_by, alert.note,
                         alert.acknowledged_us, alert.device_action, alert.device_error, alert.revision);
      if (!done) return done.error();
    }
    if (!alerts.empty()) {
      if (auto done = prune_.run(kAlertsKept); !done) return done.error();
    }
    for (auto& event : events) {
      if (auto done = events_.append(event); !done) return done.error();
    }
    if (auto done = put_cursor_.run(cursor); !done) return done.error();
    return transaction->commit();
  }

  Result<std::optional<AlertRecord>> find_alert(const AlertId& id) override {
    std::optional<AlertRecord> found;
    const auto done = find_alert_.each([&](const Statement& row) { found = alert_of(row); }, id.str());
    if (!done) return done.error();
    return found;
  }

  Result<std::vector<AlertRecord>> list_alerts(int state, std::size_t limit) override {
    std::vector<AlertRecord> alerts;
    const auto add = [&](const Statement& row) { alerts.push_back(alert_of(row)); };
    const auto done = state == 0 ? list_all_.each(add, limit) : list_of_state_.each(add, state, limit);
    if (!done) return done.error();
    return alerts;
  }

 private:
  Database& db_;
  EventLog events_;
  CachedStatement load_rules_{
      db_,
      "SELECT id, name, severity, series_pattern, devices, comparison, threshold, clear_level, for_us, created_us, "
      "updated_us, version FROM alert_rules ORDER BY name"};
  CachedStatement put_rule_{
      db_,
      "INSERT INTO alert_rules (id, name, severity, series_pattern, devices, comparison, threshold, clear_level, "
      "for_us, created_us, updated_us, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "
      "ON CONFLICT (id) DO UPDATE SET name = ?2, severity = ?3, series_pattern = ?4, devices = ?5, comparison = ?6, "
      "threshold = ?7, clear_level = ?8, for_us = ?9, updated_us = ?11, version = ?12"};
  CachedStatement remove_rule_{db_, "DELETE FROM alert_rules WHERE id = ?1"};
  CachedStatement remove_evaluations_{db_, "DELETE FROM alert_evaluations WHERE rule = ?1"};
  CachedStatement load_evaluations_{
      db_, "SELECT rule, series, state, since_us, last_time_us, last_value, alert FROM alert_evaluations"};
  CachedStatement put_evaluation_{
      db_,
      "INSERT INTO alert_evaluations (rule, series, state, since_us, last_time_us, last_value, alert) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (rule, series) DO UPDATE SET state = ?3, since_us = ?4, "
      "last_time_us = ?5, last_value = ?6, alert = ?7"};
  CachedStatement load_cursor_{db_, "SELECT commit_number FROM alert_cursor"};
  CachedStatement put_cursor_{db_, "UPDATE alert_cursor SET commit_number = ?1"};
  CachedStatement put_alert_{
      db_, "INSERT INTO alerts (" ALERT_COLUMNS
           ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18) "
           "ON CONFLICT (id) DO UPDATE SET rule_name = ?3, severity = ?4, state = ?8, resolved_us = ?11, value = ?12, "
           "acknowledged_by = ?13, note = ?14, acknowledged_us = ?15, device_action = ?16, device_error = ?17, "
           "revision = ?18"};
  CachedStatement prune_{db_,
                         "DELETE FROM alerts WHERE state = 2 AND sequence <= (SELECT max(sequence) FROM alerts) - ?1"};
  CachedStatement find_alert_{db_, "SELECT " ALERT_COLUMNS " FROM alerts WHERE id = ?1"};
  CachedStatement list_all_{db_, "SELECT " ALERT_COLUMNS " FROM alerts ORDER BY sequence DESC LIMIT ?1"};
  CachedStatement list_of_state_{
      db_, "SELECT " ALERT_COLUMNS " FROM alerts WHERE state = ?1 ORDER BY sequence DESC LIMIT ?2"};
};

#undef ALERT_COLUMNS

}  // namespace

std::unique_ptr<AlertStore> make_alert_store(HubDatabase& db) {
  return std::make_unique<SqliteAlertStore>(db.connection());
}

}  // namespace hub::sqlite
