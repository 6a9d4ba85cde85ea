// Alert rules evaluated on stored readings, alerts kept and relayed to devices as leases.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/worker.h"
#include "hub/devices/device_links.h"
#include "hub/devices/device_registry.h"
#include "hub/storage/alert_store.h"
#include "hub/storage/readings_store.h"

namespace hub {

/// Consumes commits in order by a cursor that is stored with the evaluations it led to (one transaction), so a restart
/// neither forgets nor raises again: start() continues from the store at the cursor. Lives on `control`; commits are
/// handed over by on_commit() from any thread (at most 64 MB of commits wait; past that the rest is read from the store
/// by cursor). The cursor is stored at each change of an evaluation's state and at least every 10 s. Firing alerts are
/// leased to their device (60 s, renewed every 20 s while it is connected; an inactive lease at resolution).
class AlertService {
 public:
  AlertService(AlertStore& store, ReadingsStore& readings, DeviceRegistry& devices, DeviceLinks& links,
               base::Worker& control, const base::Clock& clock, base::Random& random,
               std::function<void(Event)> publish);
  ~AlertService();
  Result<void> start();

  void on_commit(const CommitPtr& commit);  // any thread, in commit order

  Outcome<AlertRuleRecord> create_rule(AlertRuleRecord rule);  // at most 10,000 rules
  Outcome<AlertRuleRecord> update_rule(AlertRuleRecord rule, std::uint32_t if_version);
  Outcome<bool> remove_rule(const RuleId& id);  // its firing alerts resolve
  std::vector<AlertRuleRecord> rules() const;
  Outcome<AlertRuleRecord> rule(const RuleId& id) const;
  Outcome<std::vector<AlertRecord>> alerts(int state, std::size_t limit);
  Outcome<AlertRecord> alert(const AlertId& id);
  Outcome<AlertRecord> acknowledge(const AlertId& id, const std::string& by, const std::string& note);

  /// What goes into Welcome: all active leases of the device.
  std::vector<telemetry::v1::AlertLease> leases(const DeviceId& device);
  void device_lease_state(const DeviceId& device, const telemetry::v1::LeaseState& state);
  void tick();  // each second

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// {id, name, condition: {series, above|below}, for, clear, severity, scope: {devices}, version, created_at,
/// updated_at}
boost::json::value to_json(const AlertRuleRecord& rule);
Outcome<AlertRuleRecord> alert_rule_from_json(const boost::json::value& json);  // Problem names the field
/// {id, rule, rule_name, severity, device, series, state, started_at, fired_at, resolved_at, value, acknowledged: {by,
/// at, note}|null, device_action}
boost::json::value to_json(const AlertRecord& alert);

}  // namespace hub
