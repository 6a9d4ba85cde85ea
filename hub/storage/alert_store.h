// Alert rules, evaluation state with its cursor, and alerts. Called on the control thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/ids.h"
#include "hub/core/reading.h"
#include "hub/storage/event_store.h"
#include "rules/threshold_rule.h"

namespace hub {

struct AlertRuleRecord {
  RuleId id;
  std::string name;
  std::string severity = "warning";  // info, warning, critical
  std::string series_pattern;        // '*' any run of characters
  std::vector<std::string> devices;  // ids; empty: all
  rules::ThresholdRule condition;
  std::int64_t created_us = 0, updated_us = 0;
  std::uint32_t version = 1;  // ETag
};

struct EvaluationRecord {
  RuleId rule;
  SeriesId series{};
  rules::Evaluation evaluation;
  AlertId alert;  // the firing alert, if any
};

enum class AlertState : std::uint8_t { firing = 1, resolved = 2 };

struct AlertRecord {
  AlertId id;
  RuleId rule;
  std::string rule_name, severity;
  DeviceId device;
  SeriesId series{};
  std::string series_name;
  AlertState state = AlertState::firing;
  std::int64_t started_us = 0, fired_us = 0, resolved_us = 0;  // event times; started: when the condition began
  double value = 0;                                            // at firing; at resolution afterwards
  std::string acknowledged_by, note;
  std::int64_t acknowledged_us = 0;
  std::string device_action, device_error;  // what the device said it did
  std::uint32_t revision = 1;
};

class AlertStore {
 public:
  virtual ~AlertStore() = default;
  virtual Result<std::vector<AlertRuleRecord>> load_rules() = 0;
  virtual Result<void> put_rule(const AlertRuleRecord& rule) = 0;  // errc::conflict: name taken
  virtual Result<void> remove_rule(const RuleId& rule) = 0;
  virtual Result<std::vector<EvaluationRecord>> load_evaluations() = 0;
  virtual Result<CommitNumber> load_cursor() = 0;
  /// One transaction: changed evaluations, new and changed alerts with their events (ids filled), and the cursor.
  virtual Result<void> advance(CommitNumber cursor, const std::vector<EvaluationRecord>& evaluations,
                               const std::vector<AlertRecord>& alerts, std::vector<Event>& events) = 0;
  virtual Result<std::optional<AlertRecord>> find_alert(const AlertId& id) = 0;
  /// Newest first; `state` 0: all.
  virtual Result<std::vector<AlertRecord>> list_alerts(int state, std::size_t limit) = 0;
};

}  // namespace hub
