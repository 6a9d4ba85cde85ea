// What AlertService holds; shared with the tasks it posts. Private to hub/alerts.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hub/alerts/alert_evaluator.h"
#include "hub/alerts/alert_service.h"
#include "hub/alerts/commit_queue.h"

namespace hub {

struct AlertService::State {
  State(AlertStore& s, ReadingsStore& r, DeviceRegistry& d, DeviceLinks& l, base::Worker& w, const base::Clock& c,
        base::Random& n, std::function<void(Event)> p)
      : store(s),
        readings(r),
        devices(d),
        links(l),
        control(w),
        clock(c),
        random(n),
        publish(std::move(p)),
        evaluator(d) {}

  AlertStore& store;
  ReadingsStore& readings;
  DeviceRegistry& devices;
  DeviceLinks& links;
  base::Worker& control;
  const base::Clock& clock;
  base::Random& random;
  std::function<void(Event)> publish;

  AlertEvaluator evaluator;
  std::map<AlertId, AlertRecord> firing;
  CommitNumber cursor = 0;        // evaluated through
  std::int64_t stored_at_us = 0;  // when the cursor was last stored
  std::int64_t leased_at_us = 0;  // when the leases were last renewed
  CommitQueue queue;
  std::deque<CommitPtr> waiting;  // taken from the queue, not yet evaluated: at most what the queue may hold
  bool reading_back = false;      // a read_commits or a rescan is under way
  bool started = false;
  std::vector<AlertRecord> changed;  // not yet stored; told to others once they are
  std::weak_ptr<State> self;         // for tasks that may come after the service has gone

  // alert_consumer.cpp: commits to transitions
  void pump();
  void consume(const Commit& commit);
  void read_back();
  void rescan(std::vector<AlertEvaluator::Watched> series, CommitNumber head);
  void apply(const std::vector<AlertTransition>& transitions);

  // alert_service.cpp
  bool save();  // evaluations, alerts, events and cursor: one transaction; then tells
  void change(const AlertRecord& alert);
  void lease(const AlertRecord& alert, bool active);
  telemetry::v1::AlertLease lease_of(const AlertRecord& alert, bool active) const;
  std::string event_body(const AlertRecord& alert) const;
  void resolve_all(const RuleId& rule);
};

}  // namespace hub
