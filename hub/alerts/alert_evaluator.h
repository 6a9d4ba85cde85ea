// Rules over commits: which rules watch a series, how far each has come, what changed. No thread, no store, no clock.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hub/devices/device_registry.h"
#include "hub/storage/alert_store.h"

namespace hub {

/// A transition that matters to people.
struct AlertTransition {
  RuleId rule;
  SeriesRecord series;
  bool fired = false;           // else resolved
  std::int64_t started_us = 0;  // when the condition began
  std::int64_t time_us = 0;     // of the reading that did it
  double value = 0;
};

/// Lives in AlertService, on control. Evaluations are bounded by rules × series they match.
class AlertEvaluator {
 public:
  using Key = std::pair<RuleId, SeriesId>;

  explicit AlertEvaluator(DeviceRegistry& devices) : devices_(devices) {}

  std::map<RuleId, AlertRuleRecord>& rules() { return rules_; }
  void load(const EvaluationRecord& record) { evaluations_[{record.rule, record.series}] = record; }

  /// Feeds one column; appends what fired or resolved. Strings and locations are not watched.
  void feed(SeriesId series, const std::vector<std::int64_t>& times, const ValueColumn& values,
            std::vector<AlertTransition>& out);
  /// Rules or series have changed: who watches what is found anew.
  void forget_matches() { matches_.clear(); }
  /// Starts the evaluations of a rule anew; readings already seen stay seen.
  void reset(const RuleId& rule);
  void erase(const RuleId& rule);
  void set_alert(const RuleId& rule, SeriesId series, const AlertId& alert);
  AlertId alert_of(const RuleId& rule, SeriesId series) const;

  /// What has changed since the last call, to be stored with the cursor.
  std::vector<EvaluationRecord> take_dirty();
  void mark_dirty(const std::vector<EvaluationRecord>& records);
  bool is_dirty() const { return !dirty_.empty(); }

  struct Watched {
    SeriesId series{};
    std::int64_t from_us = 0;  // the earliest reading not yet seen by all of its rules
  };
  /// Every series with an evaluation, for reading what the journal no longer holds commit by commit.
  std::vector<Watched> watched() const;

 private:
  struct Match {
    SeriesRecord series;
    std::vector<RuleId> rules;
  };
  const Match& match(SeriesId series);
  bool watches(const AlertRuleRecord& rule, const SeriesRecord& series) const;

  DeviceRegistry& devices_;
  std::map<RuleId, AlertRuleRecord> rules_;
  std::map<Key, EvaluationRecord> evaluations_;
  std::unordered_map<std::uint32_t, Match> matches_;
  std::set<Key> dirty_;
};

}  // namespace hub
