// Which rule watches which series, and how far each of them has been evaluated.
#pragma once

#include <cstddef>
#include <map>
#include <unordered_map>
#include <vector>

#include "hub/devices/device_registry.h"
#include "hub/storage/alert_store.h"

namespace hub {

/// One rule on one series.
struct Watch {
  EvaluationRecord record;
  bool is_dirty = false;  // newer than its row in hub.db
};

struct Match {
  const AlertRuleRecord* rule = nullptr;
  Watch* watch = nullptr;
};

/// Owns the rules and their evaluations; lives on control. Number and boolean series only. Which rules match a series
/// is found at its first reading and kept until a rule changes. Holds at most `max_watches`; a series past that is not
/// watched (create_rule refuses a rule that would need more than there are). Addresses of rules and watches are stable
/// until they are removed.
class WatchList {
 public:
  static constexpr std::size_t max_watches = 1'000'000;
  explicit WatchList(const DeviceRegistry& devices) : devices_(devices) {}

  void load(std::vector<AlertRuleRecord> rules, std::vector<EvaluationRecord> evaluations);
  void put(const AlertRuleRecord& rule);  // new or changed; watches of series that it no longer matches go
  void remove(const RuleId& rule);

  const AlertRuleRecord* find(const RuleId& rule) const;
  const AlertRuleRecord* find_name(const std::string& name) const;
  std::vector<const AlertRuleRecord*> rules() const;  // by name
  std::size_t rule_count() const { return rules_.size(); }

  /// Valid until the next change of a rule.
  const std::vector<Match>& matching(SeriesId series);
  Watch* find_watch(const RuleId& rule, SeriesId series);
  std::vector<Watch*> watches_of(const RuleId& rule);
  std::size_t watch_count() const { return watch_count_; }
  std::size_t refused_watches() const { return refused_watches_; }

  /// Series of number or boolean type that the rule matches now (newest revisions).
  std::vector<SeriesRecord> series_of(const AlertRuleRecord& rule) const;

  /// Marks as newer than its row; each once.
  void touch(Watch& watch);
  /// Everything touched since the last call; they stay marked until stored().
  std::vector<Watch*> take_dirty();
  void stored(Watch& watch) { watch.is_dirty = false; }
  std::size_t dirty_count() const { return dirty_.size(); }

 private:
  struct Entry {
    AlertRuleRecord rule;
    std::unordered_map<SeriesId, Watch> watches;
  };
  bool matches(const AlertRuleRecord& rule, const SeriesRecord& series) const;

  const DeviceRegistry& devices_;
  std::map<RuleId, Entry> rules_;
  std::unordered_map<SeriesId, std::vector<Match>> cache_;
  std::vector<Watch*> dirty_;
  std::size_t watch_count_ = 0, refused_watches_ = 0;
};

}  // namespace hub
