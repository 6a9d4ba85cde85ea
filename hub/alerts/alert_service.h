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

namespace spdlog {
class logger;
}

namespace hub {

/// What the hub itself sees of a device, without a reading or a rule behind it.
enum class HubNotice : std::uint8_t { credential_used_twice };

/// Consumes commits in order by a cursor that is stored with the evaluations it led to (one transaction), so a restart
/// neither forgets nor raises again: start() continues from the store at the cursor. Lives on `control`: call
/// everything there, except on_commit(), which any thread calls (at most 64 MB of commits wait; past that the rest is
/// read from the store by cursor, and from the chunks where it is no longer held commit by commit).
///
/// What fires or resolves is stored with its evaluation, alert and event in one transaction, then published, then
/// leased to its device (60 s, renewed every 20 s while it is connected; an inactive lease at resolution). All other
/// evaluations and the cursor follow every 10 s and at each change of a rule: a stored cursor is never ahead of a
/// stored evaluation, and a reading evaluated again is late and changes nothing. While hub.db refuses (a full disk)
/// nothing is published and evaluation rests; the tick tries again.
///
/// Alerts of removed devices and of superseded series revisions resolve within 10 s. Ends by destruction, after the
/// readings store was stopped (so that on_commit is not called any more); `control` must still be there, and runs what
/// was posted before as nothing.
class AlertService {
 public:
  AlertService(AlertStore& store, ReadingsStore& readings, DeviceRegistry& devices, DeviceLinks& links,
               base::Worker& control, const base::Clock& clock, base::Random& random,
               std::function<void(Event)> publish,
               std::shared_ptr<spdlog::logger> log = nullptr);  // none: the program's default logger
  ~AlertService();
  AlertService(const AlertService&) = delete;
  AlertService& operator=(const AlertService&) = delete;
  /// Loads, and begins to catch up; commits are evaluated in order from the cursor, whatever comes meanwhile.
  Result<void> start();

  void on_commit(const CommitPtr& commit);  // any thread, in commit order

  Outcome<AlertRuleRecord> create_rule(AlertRuleRecord rule);  // at most 10,000 rules
  /// conflict: `if_version` is not the rule's version. Its firing alerts resolve, its evaluations begin anew.
  Outcome<AlertRuleRecord> update_rule(AlertRuleRecord rule, std::uint32_t if_version);
  Outcome<bool> remove_rule(const RuleId& id);  // its firing alerts resolve
  std::vector<AlertRuleRecord> rules() const;
  Outcome<AlertRuleRecord> rule(const RuleId& id) const;
  Outcome<std::vector<AlertRecord>> alerts(int state, std::size_t limit);
  Outcome<AlertRecord> alert(const AlertId& id);
  Outcome<AlertRecord> acknowledge(const AlertId& id, const std::string& by, const std::string& note);

  /// What goes into Welcome: all active leases of the device.
  std::vector<telemetry::v1::AlertLease> leases(const DeviceId& device);
  /// What the device did about a lease; stored with the next tick, the last word of each alert; 64 alerts a device
  /// wait at most, more are dropped.
  void device_lease_state(const DeviceId& device, const telemetry::v1::LeaseState& state);
  /// Raises a critical alert without a rule and series, one at a time of a device, told as every other. It resolves
  /// after an hour without another sign.
  void notice(const DeviceId& device, HubNotice notice);
  void tick();  // each second

  struct Status {
    CommitNumber evaluated = 0;      // everything up to here
    CommitNumber stored_cursor = 0;  // where a restart begins
    bool is_live = false;            // not reading from the store
    std::size_t firing = 0, evaluations = 0;
    std::size_t not_watched = 0;  // series refused because there are a million evaluations
  };
  Status status() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// {id, name, condition: {series, above|below}, for, clear, severity, scope: {devices}, version, created_at,
/// updated_at}
boost::json::value to_json(const AlertRuleRecord& rule);
Outcome<AlertRuleRecord> alert_rule_from_json(const boost::json::value& json);  // Problem names the field
/// {id, rule, rule_name, severity, device, series, state, started_at, fired_at, resolved_at, value, acknowledged: {by,
/// at, note}|null, device_action, device_error}
boost::json::value to_json(const AlertRecord& alert);
/// The same with device_name (null where the device is gone): what events carry.
boost::json::value to_json(const AlertRecord& alert, const DeviceRegistry& devices);

}  // namespace hub
