#include "hub/alerts/alert_service.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "hub/alerts/alert_state.h"

namespace hub {
namespace {

constexpr std::int64_t kLeaseLife = 60 * 1'000'000LL;
constexpr std::int64_t kLeaseRenewal = 20 * 1'000'000LL;
constexpr std::int64_t kStoreEvery = 10 * 1'000'000LL;
constexpr std::size_t kMostRules = 10'000;
constexpr std::size_t kMostFiring = 1'000'000;

Problem not_stored() {
  return {errc::storage_failed, "the change could not be stored", {}};
}

Problem refused(const error_code& ec, const std::string& name) {
  if (to_errc(ec) != errc::conflict) return not_stored();
  return {errc::conflict, "there is a rule named \"" + name + "\" already", "/name"};
}

/// Names become ids, so that a renamed device stays in scope.
std::optional<Problem> resolve_scope(AlertRuleRecord& rule, const DeviceRegistry& devices) {
  for (auto& device : rule.devices) {
    const auto known = devices.find(device);
    if (!known) return Problem{errc::invalid_argument, "there is no device " + device, "/scope/devices"};
    device = known->id.str();
  }
  return std::nullopt;
}

bool watch_the_same(const AlertRuleRecord& a, const AlertRuleRecord& b) {
  return a.series_pattern == b.series_pattern && a.devices == b.devices &&
         a.condition.comparison == b.condition.comparison && a.condition.threshold == b.condition.threshold &&
         a.condition.clear == b.condition.clear && a.condition.for_us == b.condition.for_us;
}

}  // namespace

AlertService::AlertService(AlertStore& store, ReadingsStore& readings, DeviceRegistry& devices, DeviceLinks& links,
                           base::Worker& control, const base::Clock& clock, base::Random& random,
                           std::function<void(Event)> publish)
    : state_(std::make_shared<State>(store, readings, devices, links, control, clock, random, std::move(publish))) {
  state_->self = state_;
}

AlertService::~AlertService() = default;

Result<void> AlertService::start() {
  auto& s = *state_;
  auto rules = s.store.load_rules();
  if (!rules) return rules.error();
  auto evaluations = s.store.load_evaluations();
  if (!evaluations) return evaluations.error();
  auto cursor = s.store.load_cursor();
  if (!cursor) return cursor.error();
  auto firing = s.store.list_alerts(static_cast<int>(AlertState::firing), kMostFiring);
  if (!firing) return firing.error();
  for (auto& rule : *rules) s.evaluator.rules().emplace(rule.id, rule);
  for (const auto& evaluation : *evaluations) s.evaluator.load(evaluation);
  for (auto& alert : *firing) s.firing.emplace(alert.id, alert);
  const CommitNumber head = s.readings.head().commit;
  s.cursor = std::min(*cursor, head);  // a restored journal is shorter than what was evaluated
  s.stored_at_us = s.leased_at_us = s.clock.now_us();
  s.started = true;
  if (s.cursor < head) {
    s.read_back();
  } else {
    s.pump();
  }
  return {};
}

void AlertService::on_commit(const CommitPtr& commit) {
  if (!state_->queue.put(commit)) return;
  state_->control.post([weak = std::weak_ptr<State>(state_)] {
    if (const auto s = weak.lock()) s->pump();
  });
}

std::string AlertService::State::event_body(const AlertRecord& alert) const {
  boost::json::value body = to_json(alert);
  const auto device = devices.find(alert.device.str());
  body.as_object()["device_name"] = device ? boost::json::value(device->name) : boost::json::value(nullptr);
  return boost::json::serialize(body);
}

void AlertService::State::change(const AlertRecord& alert) {
  const auto it = std::find_if(changed.begin(), changed.end(), [&](const auto& a) { return a.id == alert.id; });
  if (it == changed.end()) {
    changed.push_back(alert);
  } else {
    *it = alert;
  }
}

// What could not be stored stays dirty and is tried again with the next commit or tick; nobody hears of it before.
bool AlertService::State::save() {
  const auto evaluations = evaluator.take_dirty();
  std::vector<Event> events;
  const std::int64_t now = clock.now_us();
  for (const auto& alert : changed) {
    events.push_back({0, now, alert.device, "alert", alert.id.str(), event_body(alert)});
  }
  if (!store.advance(cursor, evaluations, changed, events)) {
    evaluator.mark_dirty(evaluations);
    return false;
  }
  stored_at_us = now;
  const auto told = std::exchange(changed, {});
  for (auto& event : events) publish(std::move(event));
  for (const auto& alert : told) lease(alert, alert.state == AlertState::firing);
  return true;
}

telemetry::v1::AlertLease AlertService::State::lease_of(const AlertRecord& alert, bool active) const {
  telemetry::v1::AlertLease lease;
  const std::int64_t now = clock.now_us();
  lease.set_alert_id(alert.id.str());
  lease.set_rule(alert.rule_name);
  lease.set_severity(alert.severity);
  lease.set_active(active);
  lease.set_expires_us(static_cast<double>(now + kLeaseLife));
  lease.set_server_time_us(static_cast<double>(now));
  lease.set_series(alert.series_name);
  lease.set_value(alert.value);
  lease.set_revision(alert.revision);
  return lease;
}

void AlertService::State::lease(const AlertRecord& alert, bool active) {
  auto message = std::make_shared<telemetry::v1::HubMessage>();
  *message->mutable_lease() = lease_of(alert, active);
  // Not connected: Welcome lists what is active when it comes back.
  (void)links.send(alert.device, std::move(message));
}

Outcome<AlertRuleRecord> AlertService::create_rule(AlertRuleRecord rule) {
  auto& s = *state_;
  if (s.evaluator.rules().size() >= kMostRules) return Problem{errc::too_large, "there are 10000 rules already", {}};
  if (auto problem = resolve_scope(rule, s.devices)) return *problem;
  rule.id = RuleId(make_id('r', s.random));
  rule.created_us = rule.updated_us = s.clock.now_us();
  rule.version = 1;
  if (auto stored = s.store.put_rule(rule); !stored) return refused(stored.error(), rule.name);
  s.evaluator.rules().emplace(rule.id, rule);
  s.evaluator.forget_matches();
  return rule;
}

Outcome<AlertRuleRecord> AlertService::update_rule(AlertRuleRecord rule, std::uint32_t if_version) {
  auto& s = *state_;
  const auto it = s.evaluator.rules().find(rule.id);
  if (it == s.evaluator.rules().end()) return Problem{errc::not_found, "there is no rule " + rule.id.str(), {}};
  if (it->second.version != if_version) return Problem{errc::conflict, "the rule has changed meanwhile", {}};
  if (auto problem = resolve_scope(rule, s.devices)) return *problem;
  const AlertRuleRecord before = it->second;
  rule.created_us = before.created_us;
  rule.updated_us = s.clock.now_us();
  rule.version = before.version + 1;
  if (auto stored = s.store.put_rule(rule); !stored) return refused(stored.error(), rule.name);
  it->second = rule;
  if (!watch_the_same(before, rule)) {
    s.resolve_all(rule.id);
    s.evaluator.reset(rule.id);
    s.evaluator.forget_matches();
    (void)s.save();
  }
  return rule;
}

Outcome<bool> AlertService::remove_rule(const RuleId& id) {
  auto& s = *state_;
  if (!s.evaluator.rules().contains(id)) return Problem{errc::not_found, "there is no rule " + id.str(), {}};
  s.resolve_all(id);
  s.evaluator.reset(id);
  if (!s.save() || !s.store.remove_rule(id)) return not_stored();
  s.evaluator.erase(id);
  s.evaluator.forget_matches();
  return true;
}

void AlertService::State::resolve_all(const RuleId& rule) {
  for (auto it = firing.begin(); it != firing.end();) {
    if (it->second.rule != rule) {
      ++it;
      continue;
    }
    AlertRecord alert = it->second;
    alert.state = AlertState::resolved;
    alert.resolved_us = clock.now_us();
    ++alert.revision;
    change(alert);
    it = firing.erase(it);
  }
}

std::vector<AlertRuleRecord> AlertService::rules() const {
  std::vector<AlertRuleRecord> out;
  for (const auto& [id, rule] : state_->evaluator.rules()) out.push_back(rule);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

Outcome<AlertRuleRecord> AlertService::rule(const RuleId& id) const {
  const auto it = state_->evaluator.rules().find(id);
  if (it == state_->evaluator.rules().end()) return Problem{errc::not_found, "there is no rule " + id.str(), {}};
  return it->second;
}

Outcome<std::vector<AlertRecord>> AlertService::alerts(int state, std::size_t limit) {
  auto found = state_->store.list_alerts(state, limit);
  if (!found) return Problem{to_errc(found.error()), "the alerts could not be read", {}};
  return std::move(*found);
}

Outcome<AlertRecord> AlertService::alert(const AlertId& id) {
  auto found = state_->store.find_alert(id);
  if (!found) return Problem{to_errc(found.error()), "the alert could not be read", {}};
  if (!*found) return Problem{errc::not_found, "there is no alert " + id.str(), {}};
  return std::move(**found);
}

Outcome<AlertRecord> AlertService::acknowledge(const AlertId& id, const std::string& by, const std::string& note) {
  auto& s = *state_;
  if (note.size() > 1'024) return Problem{errc::invalid_argument, "note is longer than 1024 bytes", "/note"};
  auto found = alert(id);
  if (!found) return found.error();
  found->acknowledged_by = by;
  found->note = note;
  found->acknowledged_us = s.clock.now_us();
  if (const auto it = s.firing.find(id); it != s.firing.end()) it->second = *found;
  s.change(*found);
  if (!s.save()) return not_stored();
  return found;
}

std::vector<telemetry::v1::AlertLease> AlertService::leases(const DeviceId& device) {
  std::vector<telemetry::v1::AlertLease> out;
  for (const auto& [id, alert] : state_->firing) {
    if (alert.device == device) out.push_back(state_->lease_of(alert, true));
  }
  return out;
}

void AlertService::device_lease_state(const DeviceId& device, const telemetry::v1::LeaseState& said) {
  auto& s = *state_;
  auto found = alert(AlertId(said.alert_id()));
  if (!found || found->device != device) return;
  const std::string action = said.action().substr(0, 200);
  const std::string error = said.error().substr(0, 1'000);
  if (found->device_action == action && found->device_error == error) return;
  found->device_action = action;
  found->device_error = error;
  if (const auto it = s.firing.find(found->id); it != s.firing.end()) it->second = *found;
  s.change(*found);
  (void)s.save();
}

void AlertService::tick() {
  auto& s = *state_;
  const std::int64_t now = s.clock.now_us();
  s.pump();
  // A commit dropped at the queue's bound, with nothing behind it yet to show the hole.
  if (s.started && !s.reading_back && s.waiting.empty() && s.readings.head().commit > s.cursor + 1) s.read_back();
  if (!s.changed.empty() || (s.evaluator.is_dirty() && now - s.stored_at_us >= kStoreEvery)) (void)s.save();
  if (now - s.leased_at_us < kLeaseRenewal) return;
  s.leased_at_us = now;
  for (const auto& [id, alert] : s.firing) {
    if (s.links.is_connected(alert.device)) s.lease(alert, true);
  }
}

}  // namespace hub
