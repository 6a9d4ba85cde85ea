// What AlertService holds; shared by the files that implement it, included by nobody else.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/alerts/alert_service.h"
#include "hub/alerts/commit_feed.h"
#include "hub/alerts/firing_alerts.h"
#include "hub/alerts/lease_relay.h"
#include "hub/alerts/watch_list.h"

namespace hub {

inline constexpr std::size_t kFeedBytes = 64 * 1024 * 1024;
inline constexpr std::size_t kUnsavedAlerts = 1'000;  // of a value that flaps: one frame may hold very many

/// Shared, so that replies of the readings store, which may come after the service is gone, can hold it weakly.
struct AlertService::State : std::enable_shared_from_this<AlertService::State> {
  State(AlertStore& alert_store, ReadingsStore& readings_store, DeviceRegistry& registry, DeviceLinks& device_links,
        base::Worker& control_worker, const base::Clock& used_clock, base::Random& used_random,
        std::function<void(Event)> publisher, std::shared_ptr<spdlog::logger> logger);

  AlertStore& store;
  ReadingsStore& readings;
  DeviceRegistry& devices;
  base::Worker& control;
  const base::Clock& clock;
  base::Random& random;
  const std::function<void(Event)> publish;
  const std::shared_ptr<spdlog::logger> log;

  CommitFeed feed{kFeedBytes};  // the only part that other threads touch
  WatchList watches;
  FiringAlerts firing;
  LeaseRelay relay;

  // --- evaluation (alert_evaluation.cpp) ---
  bool has_started = false;
  CommitNumber position = 0;       // evaluated up to here
  CommitNumber stored_cursor = 0;  // stored evaluations contain everything up to here
  /// What fired or resolved and is not stored. Stored at the end of a batch and every 1,000; where hub.db refuses, the
  /// batch (past 1,000 the commit) at hand is the last that is evaluated, so it holds what that led to.
  struct Changes {
    std::vector<Watch*> watches;
    std::vector<AlertRecord> alerts;
    std::vector<Event> events;
    bool empty() const { return alerts.empty(); }
  };
  Changes unsaved;
  bool is_stalled = false;  // hub.db refused; said once in the log
  // A flush in slices: when all of these are stored the cursor becomes flush_target.
  std::vector<Watch*> flushing;
  CommitNumber flush_target = 0;
  std::int64_t flushed_boot_us = 0;

  void drain();
  void evaluate(const Commit& commit);
  void evaluate_column(SeriesId series, const std::vector<std::int64_t>& times, const ValueColumn& values);
  template <class T>
  void evaluate_values(SeriesId series, const std::vector<std::int64_t>& times, const std::vector<T>& values);
  void fired(const Match& match, std::int64_t started_us);
  void resolved(Watch& watch, std::int64_t resolved_us, double value);
  /// By the hub, not by a reading.
  void resolve_now(const AlertId& alert);
  [[nodiscard]] bool save();
  void flush_slice();
  /// Everything there is to store, with `resets` in place of what these evaluations are now, in one transaction.
  Result<void> flush_all(const std::vector<EvaluationRecord>& resets, Changes changes);
  void tell(const std::vector<AlertRecord>& alerts, std::vector<Event> events);
  Event event_of(const AlertRecord& alert) const;

  // --- reading from the store (alert_catch_up.cpp) ---
  struct SeriesJob {
    SeriesId series{};
    std::int64_t from_us = 0;
  };
  struct History {
    CommitNumber head = 0;  // all of it is in what the queries see
    std::int64_t to_us = 0;
    std::vector<SeriesJob> jobs;
    std::optional<std::string> cursor;  // within the last job
    int failures = 0;
  };
  std::optional<History> history;
  bool is_reading = false;  // a reply is on its way

  void catch_up();
  void got_commits(Result<std::vector<CommitPtr>> commits);
  void begin_history();
  void history_next();
  void got_page(Result<RawPage> page);

  // --- what the hub itself sees (hub_notices.cpp) ---
  std::map<DeviceId, std::pair<AlertId, std::int64_t>> notices;  // the firing alert, boot time of the last sign
  bool keep_notice(const AlertRecord& alert);                    // after a restart; false: it is none
  void notice(const DeviceId& device, HubNotice notice);
  void end_notices();

  // --- rules and alerts (alert_service.cpp, alert_rules.cpp) ---
  struct Said {
    std::string action, error;
  };
  std::map<DeviceId, std::map<AlertId, Said>> said;  // 64 alerts a device; more are dropped until the next tick
  std::int64_t retired_boot_us = 0;

  void adopt(std::vector<AlertRecord> alerts);
  void retire();
  void store_said();
  Outcome<AlertRecord> find_alert(const AlertId& id);
  Outcome<AlertRuleRecord> put_rule(AlertRuleRecord rule);
  /// Resolves the rule's alerts and begins its evaluations anew, stored.
  Result<void> end_evaluations(const RuleId& rule);

  // Tasks on control run under this lock, so that the service may end on another thread.
  std::mutex running;
  bool has_ended = false;
  template <class Task>
  void post(Task task) {
    control.post([weak = weak_from_this(), task = std::move(task)]() mutable {
      const auto self = weak.lock();
      if (!self) return;
      const std::lock_guard lock(self->running);
      if (!self->has_ended) task(*self);
    });
  }
};

inline Problem alerts_not_stored(const error_code& ec) {
  return {to_errc(ec), "the alerts could not be read or written: " + ec.message(), ""};
}

}  // namespace hub
