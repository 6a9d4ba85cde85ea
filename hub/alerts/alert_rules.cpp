// AlertService's rules: made, changed, removed.
#include <algorithm>
#include <cassert>

#include "hub/alerts/alert_state.h"
#include "hub/alerts/rule_check.h"

namespace hub {
namespace {

constexpr std::size_t kMostRules = 10'000;

Problem unknown_rule(const RuleId& id) {
  return {errc::not_found, "there is no alert rule " + id.str(), ""};
}

Problem name_taken(const std::string& name) {
  return {errc::conflict, "there is an alert rule named \"" + name + "\" already", "/name"};
}

}  // namespace

/// Stored, then known.
Outcome<AlertRuleRecord> AlertService::State::put_rule(AlertRuleRecord rule) {
  if (auto done = store.put_rule(rule); !done) {
    if (to_errc(done.error()) == errc::conflict) return name_taken(rule.name);
    return alerts_not_stored(done.error());
  }
  watches.put(rule);
  return rule;
}

Result<void> AlertService::State::end_evaluations(const RuleId& rule) {
  Changes changes;
  const std::int64_t now = clock.now_us();
  for (const auto& id : firing.of_rule(rule)) {
    AlertRecord alert = firing.find(id)->record;
    alert.state = AlertState::resolved;
    alert.resolved_us = std::max(now, alert.fired_us);
    ++alert.revision;
    changes.events.push_back(event_of(alert));
    changes.alerts.push_back(std::move(alert));
  }
  // The last time stays: what has been evaluated once is late for the changed rule as well.
  std::vector<EvaluationRecord> resets;
  for (const auto* watch : watches.watches_of(rule)) {
    auto reset = watch->record;
    reset.alert = AlertId();
    reset.evaluation.state = rules::State::ok;
    reset.evaluation.since_us = 0;
    resets.push_back(std::move(reset));
  }
  return flush_all(resets, std::move(changes));
}

Outcome<AlertRuleRecord> AlertService::create_rule(AlertRuleRecord rule) {
  auto& state = *state_;
  assert(state.control.is_current());
  if (auto problem = check_rule(state.devices, rule)) return *std::move(problem);
  if (state.watches.rule_count() >= kMostRules) {
    return Problem{errc::too_large, "there are 10,000 alert rules, which is the most", ""};
  }
  if (state.watches.find_name(rule.name) != nullptr) return name_taken(rule.name);
  if (state.watches.series_of(rule).size() + state.watches.watch_count() > WatchList::max_watches) {
    return Problem{errc::too_large, "the rule matches too many series: rules and series make a million pairs at most",
                   "/condition/series"};
  }
  if (!state.save()) return Problem{errc::unavailable, "alerts cannot be stored at the moment", ""};
  // Moves the cursor to here, so that a restart does not show the new rule what came before it.
  if (auto done = state.flush_all({}, {}); !done) return alerts_not_stored(done.error());
  rule.id = RuleId(make_id('r', state.random));
  rule.created_us = rule.updated_us = state.clock.now_us();
  rule.version = 1;
  return state.put_rule(std::move(rule));
}

Outcome<AlertRuleRecord> AlertService::update_rule(AlertRuleRecord rule, std::uint32_t if_version) {
  auto& state = *state_;
  assert(state.control.is_current());
  const auto* now = state.watches.find(rule.id);
  if (now == nullptr) return unknown_rule(rule.id);
  if (now->version != if_version) {
    return Problem{errc::conflict,
                   "the rule is at version " + std::to_string(now->version) + ", not " + std::to_string(if_version),
                   ""};
  }
  if (auto problem = check_rule(state.devices, rule)) return *std::move(problem);
  const auto* same_name = state.watches.find_name(rule.name);
  if (same_name != nullptr && same_name->id != rule.id) return name_taken(rule.name);
  rule.created_us = now->created_us;
  rule.updated_us = state.clock.now_us();
  rule.version = now->version + 1;
  // First the alerts' end, then the change. Should the hub stop in between, the old rule begins anew at the next
  // reading; the other order would leave alerts of a rule that is not there.
  if (!state.save()) return Problem{errc::unavailable, "alerts cannot be stored at the moment", ""};
  if (auto done = state.end_evaluations(rule.id); !done) return alerts_not_stored(done.error());
  return state.put_rule(std::move(rule));
}

Outcome<bool> AlertService::remove_rule(const RuleId& id) {
  auto& state = *state_;
  assert(state.control.is_current());
  if (state.watches.find(id) == nullptr) return unknown_rule(id);
  if (!state.save()) return Problem{errc::unavailable, "alerts cannot be stored at the moment", ""};
  if (auto done = state.end_evaluations(id); !done) return alerts_not_stored(done.error());
  if (auto done = state.store.remove_rule(id); !done && to_errc(done.error()) != errc::not_found) {
    return alerts_not_stored(done.error());
  }
  state.watches.remove(id);
  return true;
}

std::vector<AlertRuleRecord> AlertService::rules() const {
  std::vector<AlertRuleRecord> out;
  for (const auto* rule : state_->watches.rules()) out.push_back(*rule);
  return out;
}

Outcome<AlertRuleRecord> AlertService::rule(const RuleId& id) const {
  const auto* found = state_->watches.find(id);
  if (found == nullptr) return unknown_rule(id);
  return *found;
}

}  // namespace hub
