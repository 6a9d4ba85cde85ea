// AlertService reading what it did not get handed over: after a start, after a queue that was full.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "hub/alerts/alert_state.h"

namespace hub {
namespace {

constexpr std::size_t kReadBytes = 4 * 1024 * 1024;
constexpr std::uint32_t kPageReadings = 20'000;
constexpr int kPageFailures = 10;
constexpr std::int64_t kAhead = 3'600'000'000;  // stored times are at most 10 min past the hub's clock

}  // namespace

void AlertService::State::catch_up() {
  if (is_reading || !unsaved.empty()) return;
  if (history) return history_next();
  if (feed.try_go_live(position)) return;
  is_reading = true;
  readings.read_commits(position, kReadBytes, [weak = weak_from_this()](Result<std::vector<CommitPtr>> commits) {
    const auto self = weak.lock();
    if (!self) return;
    self->post([commits = std::move(commits)](State& state) mutable { state.got_commits(std::move(commits)); });
  });
}

void AlertService::State::got_commits(Result<std::vector<CommitPtr>> commits) {
  is_reading = false;
  if (!commits && to_errc(commits.error()) == errc::gone) return begin_history();
  if (!commits) {
    log->error("the alert engine cannot read commits after {}: {}", position, commits.error().message());
    return;  // the tick tries again
  }
  for (const auto& commit : *commits) {
    if (commit->number <= position) continue;
    if (commit->number != position + 1) return begin_history();
    evaluate(*commit);
  }
  if (!save()) return;
  if (!commits->empty()) return drain();  // what was queued, then on
  (void)feed.try_go_live(position);
}

/// The commits after `position` are no longer held one by one: every watched series is read on from where its
/// evaluation is, out of the chunks. What those hold up to the head as it is now will have been evaluated then.
void AlertService::State::begin_history() {
  History begun;
  begun.head = readings.head().commit;
  begun.to_us = clock.now_us() + kAhead;
  std::map<SeriesId, std::int64_t> from;
  for (const auto* rule : watches.rules()) {
    for (const auto& series : watches.series_of(*rule)) {
      const auto* watch = watches.find_watch(rule->id, series.id);
      const bool is_new = watch == nullptr || watch->record.evaluation.last_time_us == INT64_MIN;
      // Of a series that the rule has not seen: what was measured since the rule is there.
      const std::int64_t begin_us = is_new ? rule->created_us : watch->record.evaluation.last_time_us + 1;
      const auto [at, is_first] = from.emplace(series.id, begin_us);
      if (!is_first) at->second = std::min(at->second, begin_us);
    }
  }
  for (const auto& [series, from_us] : from) begun.jobs.push_back({series, from_us});
  log->warn("commits {} to {} are not held any more: the alert engine reads {} series from the chunks", position + 1,
            begun.head, begun.jobs.size());
  history = std::move(begun);
  history_next();
}

void AlertService::State::history_next() {
  if (history->jobs.empty()) {
    position = history->head;
    history.reset();
    return drain();
  }
  is_reading = true;
  RawQuery query;
  query.series = history->jobs.back().series;
  query.from_us = history->jobs.back().from_us;
  query.to_us = history->to_us;
  query.limit = kPageReadings;
  query.cursor = history->cursor;
  readings.query_raw(std::move(query), [weak = weak_from_this()](Result<RawPage> page) {
    const auto self = weak.lock();
    if (!self) return;
    self->post([page = std::move(page)](State& state) mutable { state.got_page(std::move(page)); });
  });
}

void AlertService::State::got_page(Result<RawPage> page) {
  is_reading = false;
  const SeriesId series = history->jobs.back().series;
  if (!page) {
    if (++history->failures < kPageFailures) return;  // the tick tries again
    log->error("the alert engine skips the history of series {}: {}", raw(series), page.error().message());
  } else {
    evaluate_column(series, page->times_us, page->values);
  }
  history->failures = 0;
  history->cursor = page ? page->next : std::nullopt;
  if (!history->cursor) history->jobs.pop_back();
  if (save()) history_next();
}

}  // namespace hub
