#include "hub/alerts/firing_alerts.h"

#include <utility>

namespace hub {

FiringAlert& FiringAlerts::put(AlertRecord record) {
  by_device_[record.device].insert(record.id);
  auto& alert = alerts_[record.id];
  alert.record = std::move(record);
  return alert;
}

void FiringAlerts::erase(const AlertId& id) {
  const auto found = alerts_.find(id);
  if (found == alerts_.end()) return;
  const auto ids = by_device_.find(found->second.record.device);
  ids->second.erase(id);
  if (ids->second.empty()) by_device_.erase(ids);
  alerts_.erase(found);
}

std::optional<AlertRecord> FiringAlerts::take(const AlertId& id) {
  const auto found = alerts_.find(id);
  if (found == alerts_.end()) return std::nullopt;
  std::optional<AlertRecord> record(found->second.record);
  erase(id);
  return record;
}

FiringAlert* FiringAlerts::find(const AlertId& id) {
  const auto found = alerts_.find(id);
  return found == alerts_.end() ? nullptr : &found->second;
}

std::vector<FiringAlert*> FiringAlerts::of_device(const DeviceId& device) {
  std::vector<FiringAlert*> out;
  const auto ids = by_device_.find(device);
  if (ids == by_device_.end()) return out;
  for (const auto& id : ids->second) out.push_back(&alerts_.at(id));
  return out;
}

std::vector<AlertId> FiringAlerts::of_rule(const RuleId& rule) const {
  std::vector<AlertId> out;
  for (const auto& [id, alert] : alerts_) {
    if (alert.record.rule == rule) out.push_back(id);
  }
  return out;
}

}  // namespace hub
