// Alerts that no rule and no reading stands behind: what the hub itself sees of a device.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "hub/alerts/alert_state.h"

namespace hub {
namespace {

constexpr std::int64_t kQuietUs = 3'600'000'000LL;

const char* name_of(HubNotice notice) {
  switch (notice) {
    case HubNotice::credential_used_twice:
      return "credential used twice";
  }
  return "";
}

}  // namespace

bool AlertService::State::keep_notice(const AlertRecord& alert) {
  if (!alert.rule.str().empty()) return false;
  notices[alert.device] = {alert.id, clock.boot_us()};
  return true;
}

void AlertService::State::notice(const DeviceId& device, HubNotice what) {
  if (const auto known = notices.find(device); known != notices.end()) {
    known->second.second = clock.boot_us();
    return;
  }
  const auto record = devices.find(device.str());
  if (!record || unsaved.alerts.size() >= kUnsavedAlerts) return;  // the next sign raises it
  AlertRecord alert;
  alert.id = AlertId(make_id('a', random));
  alert.rule_name = name_of(what);
  alert.severity = "critical";
  alert.device = device;
  alert.started_us = alert.fired_us = clock.now_us();
  log->warn("device {}: {}: two programs speak as this device in turn; enrol one of them anew", record->name,
            alert.rule_name);
  notices[device] = {alert.id, clock.boot_us()};
  firing.put(alert);
  unsaved.events.push_back(event_of(alert));
  unsaved.alerts.push_back(std::move(alert));
  (void)save();
}

void AlertService::State::end_notices() {
  for (auto at = notices.begin(); at != notices.end();) {
    const auto& [alert, last_sign_us] = at->second;
    const bool is_gone = !devices.find(at->first.str());
    if (!is_gone && clock.boot_us() - last_sign_us < kQuietUs) {
      ++at;
      continue;
    }
    resolve_now(alert);
    at = notices.erase(at);
  }
}

}  // namespace hub
