#include "hub/alerts/lease_relay.h"

#include <algorithm>
#include <memory>

namespace hub {
namespace {

int severity_rank(const std::string& severity) {
  if (severity == "critical") return 2;
  return severity == "warning" ? 1 : 0;
}

}  // namespace

telemetry::v1::AlertLease LeaseRelay::lease_of(const AlertRecord& alert) const {
  const std::int64_t now = clock_.now_us();
  const bool is_active = alert.state == AlertState::firing;
  telemetry::v1::AlertLease lease;
  lease.set_alert_id(alert.id.str());
  lease.set_rule(alert.rule_name);
  lease.set_severity(alert.severity);
  lease.set_active(is_active);
  lease.set_expires_us(static_cast<double>(is_active ? now + lease_us : now));
  lease.set_server_time_us(static_cast<double>(now));
  lease.set_series(alert.series_name);
  lease.set_value(alert.value);
  lease.set_revision(alert.revision);
  return lease;
}

bool LeaseRelay::send(const AlertRecord& alert) const {
  auto message = std::make_shared<telemetry::v1::HubMessage>();
  *message->mutable_lease() = lease_of(alert);
  return links_.send(alert.device, std::move(message));
}

void LeaseRelay::tell_firing(FiringAlert& alert) {
  alert.is_leased = send(alert.record);
  alert.leased_boot_us = clock_.boot_us();
}

void LeaseRelay::tell_resolved(const AlertRecord& alert) {
  (void)send(alert);
}

void LeaseRelay::renew(FiringAlerts& alerts) {
  const std::int64_t now = clock_.boot_us();
  for (auto& [id, alert] : alerts.all()) {
    if (alert.is_leased && now - alert.leased_boot_us < renewal_us) continue;
    if (links_.is_connected(alert.record.device)) tell_firing(alert);
  }
}

std::vector<telemetry::v1::AlertLease> LeaseRelay::welcome(FiringAlerts& alerts, const DeviceId& device) const {
  auto firing = alerts.of_device(device);
  std::sort(firing.begin(), firing.end(), [](const FiringAlert* a, const FiringAlert* b) {
    const int rank_a = severity_rank(a->record.severity), rank_b = severity_rank(b->record.severity);
    return rank_a != rank_b ? rank_a > rank_b : a->record.fired_us > b->record.fired_us;
  });
  std::vector<telemetry::v1::AlertLease> leases;
  std::size_t bytes = 0;
  for (auto* alert : firing) {
    auto lease = lease_of(alert->record);
    bytes += lease.ByteSizeLong() + 8;  // its tag and length within Welcome
    if (bytes > max_welcome_bytes) break;
    leases.push_back(std::move(lease));
    alert->is_leased = true;
    alert->leased_boot_us = clock_.boot_us();
  }
  return leases;
}

}  // namespace hub
