#include "hub/alerts/watch_list.h"

#include <algorithm>
#include <utility>

#include "hub/devices/series_pattern.h"

namespace hub {
namespace {

bool can_be_watched(const SeriesRecord& series) {
  return series.type == ValueType::number || series.type == ValueType::boolean;
}

}  // namespace

bool WatchList::matches(const AlertRuleRecord& rule, const SeriesRecord& series) const {
  if (!can_be_watched(series) || !matches_pattern(rule.series_pattern, series.name)) return false;
  return rule.devices.empty() ||
         std::find(rule.devices.begin(), rule.devices.end(), series.device.str()) != rule.devices.end();
}

void WatchList::load(std::vector<AlertRuleRecord> rules, std::vector<EvaluationRecord> evaluations) {
  for (auto& rule : rules) {
    const RuleId id = rule.id;
    rules_[id].rule = std::move(rule);
  }
  for (auto& one : evaluations) {
    const auto entry = rules_.find(one.rule);
    const auto series = devices_.series(one.series);
    // Rows of removed devices and of what a rule matched before it was changed.
    if (entry == rules_.end() || !series || !matches(entry->second.rule, *series)) continue;
    entry->second.watches[one.series].record = std::move(one);
    ++watch_count_;
  }
}

void WatchList::put(const AlertRuleRecord& rule) {
  auto& entry = rules_[rule.id];
  entry.rule = rule;
  for (auto at = entry.watches.begin(); at != entry.watches.end();) {
    const auto series = devices_.series(at->first);
    if (series && matches(rule, *series)) {
      ++at;
      continue;
    }
    std::erase(dirty_, &at->second);
    at = entry.watches.erase(at);
    --watch_count_;
  }
  cache_.clear();
}

void WatchList::remove(const RuleId& rule) {
  const auto entry = rules_.find(rule);
  if (entry == rules_.end()) return;
  std::erase_if(dirty_, [&](const Watch* watch) { return watch->record.rule == rule; });
  watch_count_ -= entry->second.watches.size();
  rules_.erase(entry);
  cache_.clear();
}

const AlertRuleRecord* WatchList::find(const RuleId& rule) const {
  const auto entry = rules_.find(rule);
  return entry == rules_.end() ? nullptr : &entry->second.rule;
}

const AlertRuleRecord* WatchList::find_name(const std::string& name) const {
  for (const auto& [id, entry] : rules_) {
    if (entry.rule.name == name) return &entry.rule;
  }
  return nullptr;
}

std::vector<const AlertRuleRecord*> WatchList::rules() const {
  std::vector<const AlertRuleRecord*> out;
  for (const auto& [id, entry] : rules_) out.push_back(&entry.rule);
  std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  return out;
}

const std::vector<Match>& WatchList::matching(SeriesId series) {
  static const std::vector<Match> kNone;
  if (const auto known = cache_.find(series); known != cache_.end()) return known->second;
  const auto record = devices_.series(series);
  if (!record) return kNone;  // its device was removed
  auto& found = cache_[series];
  for (auto& [id, entry] : rules_) {
    if (!matches(entry.rule, *record)) continue;
    auto watch = entry.watches.find(series);
    if (watch == entry.watches.end()) {
      if (watch_count_ >= max_watches) {
        ++refused_watches_;
        continue;
      }
      watch = entry.watches.emplace(series, Watch{}).first;
      watch->second.record.rule = id;
      watch->second.record.series = series;
      ++watch_count_;
    }
    found.push_back({&entry.rule, &watch->second});
  }
  return found;
}

Watch* WatchList::find_watch(const RuleId& rule, SeriesId series) {
  const auto entry = rules_.find(rule);
  if (entry == rules_.end()) return nullptr;
  const auto watch = entry->second.watches.find(series);
  return watch == entry->second.watches.end() ? nullptr : &watch->second;
}

std::vector<Watch*> WatchList::watches_of(const RuleId& rule) {
  std::vector<Watch*> out;
  const auto entry = rules_.find(rule);
  if (entry == rules_.end()) return out;
  for (auto& [series, watch] : entry->second.watches) out.push_back(&watch);
  return out;
}

std::vector<SeriesRecord> WatchList::series_of(const AlertRuleRecord& rule) const {
  auto found = devices_.resolve(rule.devices, {rule.series_pattern});
  std::erase_if(found, [](const SeriesRecord& series) { return !can_be_watched(series); });
  return found;
}

void WatchList::touch(Watch& watch) {
  if (std::exchange(watch.is_dirty, true)) return;
  dirty_.push_back(&watch);
}

std::vector<Watch*> WatchList::take_dirty() {
  return std::exchange(dirty_, {});
}

}  // namespace hub
