#include "hub/alerts/alert_service.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>

#include "hub/alerts/alert_state.h"

namespace hub {
namespace {

constexpr std::size_t kNoteBytes = 1'024;
constexpr std::size_t kActionBytes = 256;
constexpr std::size_t kErrorBytes = 1'024;
constexpr std::size_t kSaidPerDevice = 64;
constexpr std::size_t kSaidPerTick = 1'000;
constexpr std::size_t kListed = 10'000;
constexpr std::int64_t kRetireInterval = 10'000'000;

}  // namespace

AlertService::State::State(AlertStore& alert_store, ReadingsStore& readings_store, DeviceRegistry& registry,
                           DeviceLinks& device_links, base::Worker& control_worker, const base::Clock& used_clock,
                           base::Random& used_random, std::function<void(Event)> publisher,
                           std::shared_ptr<spdlog::logger> logger)
    : store(alert_store),
      readings(readings_store),
      devices(registry),
      control(control_worker),
      clock(used_clock),
      random(used_random),
      publish(std::move(publisher)),
      log(logger ? std::move(logger) : spdlog::default_logger()),
      watches(registry),
      relay(device_links, used_clock) {}

AlertService::AlertService(AlertStore& store, ReadingsStore& readings, DeviceRegistry& devices, DeviceLinks& links,
                           base::Worker& control, const base::Clock& clock, base::Random& random,
                           std::function<void(Event)> publish, std::shared_ptr<spdlog::logger> log)
    : state_(std::make_shared<State>(store, readings, devices, links, control, clock, random, std::move(publish),
                                     std::move(log))) {}

AlertService::~AlertService() {
  const std::lock_guard lock(state_->running);
  state_->has_ended = true;
}

Result<void> AlertService::start() {
  auto& state = *state_;
  assert(state.control.is_current());
  auto rules = state.store.load_rules();
  if (!rules) return rules.error();
  auto evaluations = state.store.load_evaluations();
  if (!evaluations) return evaluations.error();
  const auto cursor = state.store.load_cursor();
  if (!cursor) return cursor.error();
  auto active = state.store.list_alerts(static_cast<int>(AlertState::firing), WatchList::max_watches);
  if (!active) return active.error();
  state.watches.load(std::move(*rules), std::move(*evaluations));
  state.position = state.stored_cursor = *cursor;
  state.flushed_boot_us = state.clock.boot_us();
  state.adopt(std::move(*active));
  if (!state.save()) return errc::storage_failed;
  state.has_started = true;
  const CommitNumber head = state.readings.head().commit;
  state.feed.saw(head);
  if (state.position > head) {
    state.log->warn("the alert engine's cursor {} is ahead of the journal's head {}: restored from a backup?",
                    state.position, head);
    // Nothing is known of the numbers that are given again: until history is read, a stop must begin with it anew.
    state.position = state.stored_cursor = 0;
    state.begin_history();
  } else {
    state.catch_up();
  }
  return {};
}

/// Alerts and evaluations that do not belong to each other can only come from a stop in the middle of a rule's change.
void AlertService::State::adopt(std::vector<AlertRecord> alerts) {
  for (auto& alert : alerts) firing.put(std::move(alert));
  for (const auto* rule : watches.rules()) {
    for (auto* watch : watches.watches_of(rule->id)) {
      auto& record = watch->record;
      if (record.evaluation.state != rules::State::firing || firing.find(record.alert) != nullptr) continue;
      record.evaluation.state = rules::State::ok;
      record.alert = AlertId();
      watches.touch(*watch);
    }
  }
  std::vector<AlertId> orphans;
  for (const auto& [id, alert] : firing.all()) {
    if (keep_notice(alert.record)) continue;
    const auto* watch = watches.find_watch(alert.record.rule, alert.record.series);
    if (watch == nullptr || watch->record.alert != id) orphans.push_back(id);
  }
  for (const auto& id : orphans) resolve_now(id);
}

/// Alerts that no reading can resolve any more.
void AlertService::State::retire() {
  std::vector<AlertId> ended;
  for (const auto& [id, alert] : firing.all()) {
    if (alert.record.rule.str().empty()) continue;  // see end_notices()
    const auto revisions = devices.revisions_of(alert.record.device, alert.record.series_name);
    if (revisions.empty() || revisions.back().id != alert.record.series) ended.push_back(id);
  }
  for (const auto& id : ended) resolve_now(id);
}

void AlertService::on_commit(const CommitPtr& commit) {
  if (state_->feed.put(commit)) state_->post([](State& state) { state.drain(); });
}

Outcome<AlertRecord> AlertService::State::find_alert(const AlertId& id) {
  if (const auto* active = firing.find(id)) return active->record;
  auto found = store.find_alert(id);
  if (!found) return alerts_not_stored(found.error());
  if (!*found) return Problem{errc::not_found, "there is no alert " + id.str(), ""};
  return std::move(**found);
}

Outcome<std::vector<AlertRecord>> AlertService::alerts(int state, std::size_t limit) {
  auto found = state_->store.list_alerts(state, std::min(limit, kListed));
  if (!found) return alerts_not_stored(found.error());
  return std::move(*found);
}

Outcome<AlertRecord> AlertService::alert(const AlertId& id) {
  return state_->find_alert(id);
}

Outcome<AlertRecord> AlertService::acknowledge(const AlertId& id, const std::string& by, const std::string& note) {
  auto& state = *state_;
  assert(state.control.is_current());
  if (note.size() > kNoteBytes) {
    return Problem{errc::invalid_argument, "note must be at most 1,024 bytes long", "/note"};
  }
  if (!state.save()) return Problem{errc::unavailable, "alerts cannot be stored at the moment", ""};
  auto alert = state.find_alert(id);
  if (!alert) return alert;
  alert->acknowledged_by = by;
  alert->acknowledged_us = state.clock.now_us();
  alert->note = note;
  std::vector<Event> events{state.event_of(*alert)};
  if (auto done = state.store.advance(state.stored_cursor, {}, {*alert}, events); !done) {
    return alerts_not_stored(done.error());
  }
  if (auto* active = state.firing.find(id)) active->record = *alert;
  state.publish(std::move(events.front()));
  return alert;
}

std::vector<telemetry::v1::AlertLease> AlertService::leases(const DeviceId& device) {
  assert(state_->control.is_current());
  return state_->relay.welcome(state_->firing, device);
}

void AlertService::device_lease_state(const DeviceId& device, const telemetry::v1::LeaseState& said) {
  assert(state_->control.is_current());
  if (said.action().size() > kActionBytes || said.error().size() > kErrorBytes) {
    state_->log->warn("device {}: what it says of an alert is too long", device.str());
    return;
  }
  auto& waiting = state_->said[device];
  const AlertId id(said.alert_id());
  if (waiting.size() >= kSaidPerDevice && !waiting.contains(id)) return;
  waiting[id] = {said.action(), said.error()};
}

void AlertService::State::store_said() {
  std::vector<AlertRecord> changed;
  std::vector<Event> events;
  std::size_t left = kSaidPerTick;
  auto end = said.begin();
  for (; end != said.end() && left > 0; ++end) {
    const auto& [device, alerts] = *end;
    for (const auto& [id, words] : alerts) {
      if (left > 0) --left;
      auto alert = find_alert(id);
      if (!alert && alert.error().code == errc::not_found) continue;
      if (!alert) return log->error("what devices did about alerts waits: {}", alert.error().detail);
      if (alert->device != device) {
        log->warn("device {} speaks of alert {} of device {}: refused", device.str(), id.str(), alert->device.str());
        continue;
      }
      if (alert->device_action == words.action && alert->device_error == words.error) continue;
      alert->device_action = words.action;
      alert->device_error = words.error;
      events.push_back(event_of(*alert));
      changed.push_back(std::move(*alert));
    }
  }
  if (!changed.empty()) {
    if (auto done = store.advance(stored_cursor, {}, changed, events); !done) {
      return log->error("what devices did about alerts waits: {}", done.error().message());
    }
  }
  said.erase(said.begin(), end);
  for (const auto& alert : changed) {
    if (auto* active = firing.find(alert.id)) active->record = alert;
  }
  for (auto& event : events) publish(std::move(event));
}

void AlertService::tick() {
  auto& state = *state_;
  assert(state.control.is_current());
  if (!state.has_started) return;
  if (state.clock.boot_us() - state.retired_boot_us >= kRetireInterval) {
    state.retired_boot_us = state.clock.boot_us();
    state.retire();
    state.end_notices();
  }
  // Saves what could not be saved, evaluates what waits, reads what could not be read.
  state.drain();
  if (state.unsaved.empty()) {
    state.store_said();
    state.flush_slice();
  }
  state.relay.renew(state.firing);
}

void AlertService::notice(const DeviceId& device, HubNotice notice) {
  assert(state_->control.is_current());
  if (state_->has_started) state_->notice(device, notice);
}

AlertService::Status AlertService::status() const {
  const auto& state = *state_;
  return {state.position,      state.stored_cursor,         state.feed.is_live(),
          state.firing.size(), state.watches.watch_count(), state.watches.refused_watches()};
}

}  // namespace hub
