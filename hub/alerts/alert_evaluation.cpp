// AlertService's way from commits to stored, published alerts.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cassert>
#include <cmath>
#include <type_traits>

#include "hub/alerts/alert_state.h"

namespace hub {
namespace {

constexpr std::size_t kBatchBytes = 4 * 1024 * 1024;  // then other tasks of control have a turn
constexpr std::int64_t kFlushInterval = 10'000'000;
constexpr std::size_t kFlushRows = 2'000;  // a transaction of some milliseconds

}  // namespace

Event AlertService::State::event_of(const AlertRecord& alert) const {
  return {0, clock.now_us(), alert.device, "alert", alert.id.str(), boost::json::serialize(to_json(alert, devices))};
}

void AlertService::State::drain() {
  if (!save()) return;  // the tick tries again
  std::size_t bytes = 0;
  while (const auto commit = feed.take()) {
    if (commit->number <= position) continue;
    assert(commit->number == position + 1);
    evaluate(*commit);
    if (is_stalled) return;  // the tick tries again
    bytes += commit->size_bytes;
    if (bytes < kBatchBytes) continue;
    if (save()) post([](State& self) { self.drain(); });
    return;
  }
  if (save() && !feed.is_live()) catch_up();
}

void AlertService::State::evaluate(const Commit& commit) {
  for (const auto& frame : commit.frames) {
    for (const auto& column : frame.columns) evaluate_column(column.series, *column.times, column.values);
  }
  position = commit.number;
}

void AlertService::State::evaluate_column(SeriesId series, const std::vector<std::int64_t>& times,
                                          const ValueColumn& values) {
  if (const auto* numbers = std::get_if<std::vector<double>>(&values)) {
    evaluate_values(series, times, *numbers);
  } else if (const auto* flags = std::get_if<std::vector<std::uint8_t>>(&values)) {
    evaluate_values(series, times, *flags);
  }
}

template <class T>
void AlertService::State::evaluate_values(SeriesId series, const std::vector<std::int64_t>& times,
                                          const std::vector<T>& values) {
  for (const auto& match : watches.matching(series)) {
    auto& watch = *match.watch;
    auto& evaluation = watch.record.evaluation;
    bool is_touched = false;
    for (std::size_t i = 0; i < times.size(); ++i) {
      double value = 0;
      if constexpr (std::is_same_v<T, double>) {
        value = values[i];
        if (!std::isfinite(value)) continue;  // never stored as a reading; a comparison with it says nothing
      } else {
        value = values[i] != 0 ? 1 : 0;
      }
      const std::int64_t pending_since_us = evaluation.since_us;
      const bool was_pending = evaluation.state == rules::State::pending;
      const auto transition = rules::evaluate(match.rule->condition, evaluation, times[i], value);
      if (transition == rules::Transition::late) continue;
      is_touched = true;
      if (transition == rules::Transition::fired) fired(match, was_pending ? pending_since_us : times[i]);
      if (transition == rules::Transition::resolved) resolved(watch, times[i], value);
      // In the middle of a commit as good as at its end: the cursor stays, and what is stored is late the next time.
      if (unsaved.alerts.size() >= kUnsavedAlerts && !is_stalled) (void)save();
    }
    if (is_touched) watches.touch(watch);
  }
}

void AlertService::State::fired(const Match& match, std::int64_t started_us) {
  auto& record = match.watch->record;
  const auto series = devices.series(record.series);
  if (!series) {  // its device was removed a moment ago
    record.evaluation.state = rules::State::ok;
    return;
  }
  AlertRecord alert;
  alert.id = AlertId(make_id('a', random));
  alert.rule = match.rule->id;
  alert.rule_name = match.rule->name;
  alert.severity = match.rule->severity;
  alert.device = series->device;
  alert.series = series->id;
  alert.series_name = series->name;
  alert.started_us = started_us;
  alert.fired_us = record.evaluation.last_time_us;
  alert.value = record.evaluation.last_value;
  record.alert = alert.id;
  firing.put(alert);
  unsaved.events.push_back(event_of(alert));
  unsaved.alerts.push_back(std::move(alert));
  unsaved.watches.push_back(match.watch);
}

void AlertService::State::resolved(Watch& watch, std::int64_t resolved_us, double value) {
  auto active = firing.take(watch.record.alert);
  watch.record.alert = AlertId();
  if (!active) return;
  AlertRecord alert = std::move(*active);
  alert.state = AlertState::resolved;
  alert.resolved_us = resolved_us;
  alert.value = value;
  ++alert.revision;
  unsaved.events.push_back(event_of(alert));
  unsaved.alerts.push_back(std::move(alert));
  unsaved.watches.push_back(&watch);
}

void AlertService::State::resolve_now(const AlertId& id) {
  auto active = firing.take(id);
  if (!active) return;
  AlertRecord alert = std::move(*active);
  alert.state = AlertState::resolved;
  alert.resolved_us = std::max(clock.now_us(), alert.fired_us);
  ++alert.revision;
  if (auto* watch = watches.find_watch(alert.rule, alert.series); watch != nullptr && watch->record.alert == id) {
    watch->record.alert = AlertId();
    watch->record.evaluation.state = rules::State::ok;
    watch->record.evaluation.since_us = watch->record.evaluation.last_time_us;
    watches.touch(*watch);
    unsaved.watches.push_back(watch);
  }
  unsaved.events.push_back(event_of(alert));
  unsaved.alerts.push_back(std::move(alert));
}

/// The cursor stays where it is: the other evaluations up to `position` are not stored yet, and evaluating a commit
/// again changes nothing.
bool AlertService::State::save() {
  if (unsaved.empty()) return true;
  std::vector<EvaluationRecord> evaluations;
  for (const auto* watch : unsaved.watches) evaluations.push_back(watch->record);
  if (auto done = store.advance(stored_cursor, evaluations, unsaved.alerts, unsaved.events); !done) {
    if (!std::exchange(is_stalled, true)) {
      log->error("alerts cannot be stored, so evaluation rests: {}", done.error().message());
    }
    return false;
  }
  if (std::exchange(is_stalled, false)) log->info("alerts are stored again");
  const Changes saved = std::exchange(unsaved, {});
  tell(saved.alerts, saved.events);
  return true;
}

void AlertService::State::tell(const std::vector<AlertRecord>& alerts, std::vector<Event> events) {
  for (auto& event : events) publish(std::move(event));
  for (const auto& alert : alerts) {
    if (alert.state == AlertState::resolved) {
      relay.tell_resolved(alert);
    } else if (auto* active = firing.find(alert.id)) {
      relay.tell_firing(*active);
    }
  }
}

void AlertService::State::flush_slice() {
  if (!unsaved.empty()) return;  // an evaluation is never stored before its alert
  if (flushing.empty()) {
    if (clock.boot_us() - flushed_boot_us < kFlushInterval) return;
    if (position == stored_cursor && watches.dirty_count() == 0) return;
    flushed_boot_us = clock.boot_us();
    flushing = watches.take_dirty();
    flush_target = position;
  }
  const std::size_t count = std::min(flushing.size(), kFlushRows);
  const bool is_last = count == flushing.size();
  const auto first = flushing.end() - static_cast<std::ptrdiff_t>(count);
  std::vector<EvaluationRecord> evaluations;
  for (auto at = first; at != flushing.end(); ++at) evaluations.push_back((*at)->record);
  std::vector<Event> none;
  if (auto done = store.advance(is_last ? flush_target : stored_cursor, evaluations, {}, none); !done) {
    log->error("the alert engine's evaluations cannot be stored: {}", done.error().message());
    return;
  }
  for (auto at = first; at != flushing.end(); ++at) watches.stored(**at);
  flushing.erase(first, flushing.end());
  if (is_last) stored_cursor = flush_target;
}

Result<void> AlertService::State::flush_all(const std::vector<EvaluationRecord>& resets, Changes changes) {
  for (auto* watch : watches.take_dirty()) flushing.push_back(watch);
  flush_target = position;
  std::map<std::pair<RuleId, SeriesId>, EvaluationRecord> rows;
  for (const auto* watch : flushing) rows[{watch->record.rule, watch->record.series}] = watch->record;
  for (const auto& reset : resets) rows[{reset.rule, reset.series}] = reset;
  std::vector<EvaluationRecord> evaluations;
  evaluations.reserve(rows.size());
  for (auto& [key, row] : rows) evaluations.push_back(std::move(row));
  // On failure they all stay in `flushing`, and the next slice goes on.
  if (auto done = store.advance(position, evaluations, changes.alerts, changes.events); !done) return done.error();
  for (auto* watch : flushing) watches.stored(*watch);
  flushing.clear();
  stored_cursor = position;
  flushed_boot_us = clock.boot_us();
  for (const auto& reset : resets) {
    if (auto* watch = watches.find_watch(reset.rule, reset.series)) watch->record = reset;
  }
  for (const auto& alert : changes.alerts) {
    if (alert.state == AlertState::resolved) firing.erase(alert.id);
  }
  tell(changes.alerts, std::move(changes.events));
  return {};
}

}  // namespace hub
