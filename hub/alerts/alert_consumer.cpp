// How commits become transitions: live in order, read back where some were missed.
#include <algorithm>

#include "hub/alerts/alert_state.h"

namespace hub {
namespace {

constexpr std::size_t kReadBackBytes = 4 * 1024 * 1024;
constexpr std::int64_t kStoreCursorEvery = 10 * 1'000'000LL;

}  // namespace

void AlertService::State::pump() {
  if (reading_back || !started) return;
  for (auto& commit : queue.take()) waiting.push_back(std::move(commit));
  while (!waiting.empty()) {
    const CommitPtr commit = waiting.front();
    if (commit->number > cursor + 1) return read_back();
    waiting.pop_front();
    if (commit->number == cursor + 1) consume(*commit);
  }
}

void AlertService::State::consume(const Commit& commit) {
  std::vector<AlertTransition> transitions;
  for (const auto& frame : commit.frames) {
    for (const auto& column : frame.columns) evaluator.feed(column.series, *column.times, column.values, transitions);
  }
  cursor = commit.number;
  apply(transitions);
  if (!changed.empty() || clock.now_us() - stored_at_us >= kStoreCursorEvery) (void)save();
}

void AlertService::State::apply(const std::vector<AlertTransition>& transitions) {
  for (const auto& t : transitions) {
    if (t.fired) {
      const auto& rule = evaluator.rules().at(t.rule);
      AlertRecord alert;
      alert.id = AlertId(make_id('a', random));
      alert.rule = t.rule;
      alert.rule_name = rule.name;
      alert.severity = rule.severity;
      alert.device = t.series.device;
      alert.series = t.series.id;
      alert.series_name = t.series.name;
      alert.started_us = t.started_us;
      alert.fired_us = t.time_us;
      alert.value = t.value;
      evaluator.set_alert(t.rule, t.series.id, alert.id);
      firing[alert.id] = alert;
      change(alert);
      continue;
    }
    const AlertId id = evaluator.alert_of(t.rule, t.series.id);
    evaluator.set_alert(t.rule, t.series.id, {});
    const auto it = firing.find(id);
    if (it == firing.end()) continue;
    AlertRecord alert = it->second;
    firing.erase(it);
    alert.state = AlertState::resolved;
    alert.resolved_us = t.time_us;
    alert.value = t.value;
    ++alert.revision;
    change(alert);
  }
}

void AlertService::State::read_back() {
  reading_back = true;
  readings.read_commits(cursor, kReadBackBytes, [weak = self](Result<std::vector<CommitPtr>> result) {
    const auto state = weak.lock();
    if (!state) return;
    state->control.post([weak, result = std::move(result)] {
      const auto s = weak.lock();
      if (!s) return;
      if (!result && to_errc(result.error()) == errc::gone) {
        return s->rescan(s->evaluator.watched(), s->readings.head().commit);
      }
      s->reading_back = false;
      if (!result) return;  // the store is failing; the next commit or tick tries again
      bool advanced = false;
      for (const auto& commit : *result) {
        if (commit->number != s->cursor + 1) continue;
        s->consume(*commit);
        advanced = true;
      }
      if (advanced && s->cursor < s->readings.head().commit && s->waiting.empty()) return s->read_back();
      if (advanced) s->pump();
    });
  });
}

// The journal no longer holds what was missed, the chunks do: each watched series is read from where its rules stand.
void AlertService::State::rescan(std::vector<AlertEvaluator::Watched> series, CommitNumber head) {
  if (series.empty()) {
    cursor = std::max(cursor, head);
    reading_back = false;
    (void)save();
    return pump();
  }
  RawQuery query;
  query.series = series.back().series;
  query.from_us = series.back().from_us;
  query.to_us = clock.now_us() + 3'600'000'000LL;
  readings.query_raw(query, [weak = self, series, head](Result<RawPage> page) {
    const auto state = weak.lock();
    if (!state) return;
    state->control.post([weak, series, head, page = std::move(page)] {
      const auto s = weak.lock();
      if (!s) return;
      auto rest = series;
      const bool more = page && page->next && !page->times_us.empty();
      if (page && !page->times_us.empty()) {
        std::vector<AlertTransition> transitions;
        s->evaluator.feed(rest.back().series, page->times_us, page->values, transitions);
        s->apply(transitions);
      }
      if (more) {
        rest.back().from_us = page->times_us.back() + 1;
      } else {
        rest.pop_back();
      }
      s->rescan(std::move(rest), head);
    });
  });
}

}  // namespace hub
