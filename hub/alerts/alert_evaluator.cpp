#include "hub/alerts/alert_evaluator.h"

#include <algorithm>

#include "hub/devices/series_pattern.h"

namespace hub {

bool AlertEvaluator::watches(const AlertRuleRecord& rule, const SeriesRecord& series) const {
  if (series.type != ValueType::number && series.type != ValueType::boolean) return false;
  if (!matches_pattern(rule.series_pattern, series.name)) return false;
  return rule.devices.empty() ||
         std::find(rule.devices.begin(), rule.devices.end(), series.device.str()) != rule.devices.end();
}

const AlertEvaluator::Match& AlertEvaluator::match(SeriesId id) {
  const auto [it, fresh] = matches_.try_emplace(raw(id));
  if (!fresh) return it->second;
  const auto series = devices_.series(id);
  if (!series) return it->second;
  it->second.series = *series;
  for (const auto& [rule_id, rule] : rules_) {
    if (watches(rule, *series)) it->second.rules.push_back(rule_id);
  }
  return it->second;
}

void AlertEvaluator::feed(SeriesId series, const std::vector<std::int64_t>& times, const ValueColumn& values,
                          std::vector<AlertTransition>& out) {
  if (rules_.empty() || values.index() > 1) return;
  const Match& found = match(series);
  for (const auto& rule_id : found.rules) {
    const auto& rule = rules_.at(rule_id);
    const Key key{rule_id, series};
    auto& record = evaluations_.try_emplace(key, EvaluationRecord{rule_id, series, {}, {}}).first->second;
    for (std::size_t i = 0; i < times.size(); ++i) {
      const double value =
          values.index() == 0 ? std::get<0>(values)[i] : static_cast<double>(std::get<1>(values)[i] != 0);
      const bool was_pending = record.evaluation.state == rules::State::pending;
      const std::int64_t began = was_pending ? record.evaluation.since_us : times[i];
      const auto transition = rules::evaluate(rule.condition, record.evaluation, times[i], value);
      if (transition == rules::Transition::late) continue;
      dirty_.insert(key);
      if (transition == rules::Transition::fired || transition == rules::Transition::resolved) {
        out.push_back({rule_id, found.series, transition == rules::Transition::fired, began, times[i], value});
      }
    }
  }
}

void AlertEvaluator::reset(const RuleId& rule) {
  auto it = evaluations_.lower_bound({rule, SeriesId{0}});
  for (; it != evaluations_.end() && it->first.first == rule; ++it) {
    it->second.evaluation.state = rules::State::ok;
    it->second.alert = {};
    dirty_.insert(it->first);
  }
}

void AlertEvaluator::erase(const RuleId& rule) {
  auto it = evaluations_.lower_bound({rule, SeriesId{0}});
  while (it != evaluations_.end() && it->first.first == rule) {
    dirty_.erase(it->first);
    it = evaluations_.erase(it);
  }
  rules_.erase(rule);
}

void AlertEvaluator::set_alert(const RuleId& rule, SeriesId series, const AlertId& alert) {
  const auto it = evaluations_.find({rule, series});
  if (it == evaluations_.end()) return;
  it->second.alert = alert;
  dirty_.insert(it->first);
}

AlertId AlertEvaluator::alert_of(const RuleId& rule, SeriesId series) const {
  const auto it = evaluations_.find({rule, series});
  return it == evaluations_.end() ? AlertId() : it->second.alert;
}

std::vector<EvaluationRecord> AlertEvaluator::take_dirty() {
  std::vector<EvaluationRecord> out;
  for (const auto& key : dirty_) {
    if (const auto it = evaluations_.find(key); it != evaluations_.end()) out.push_back(it->second);
  }
  dirty_.clear();
  return out;
}

void AlertEvaluator::mark_dirty(const std::vector<EvaluationRecord>& records) {
  for (const auto& record : records) {
    if (evaluations_.contains({record.rule, record.series})) dirty_.insert({record.rule, record.series});
  }
}

std::vector<AlertEvaluator::Watched> AlertEvaluator::watched() const {
  std::map<std::uint32_t, std::int64_t> from;
  for (const auto& [key, record] : evaluations_) {
    const std::int64_t last = record.evaluation.last_time_us;
    const std::int64_t next = last == INT64_MIN ? 0 : last + 1;
    const auto [it, fresh] = from.try_emplace(raw(key.second), next);
    if (!fresh) it->second = std::min(it->second, next);
  }
  std::vector<Watched> out;
  for (const auto& [series, at] : from) out.push_back({SeriesId{series}, at});
  return out;
}

}  // namespace hub
