// Tells devices of their alerts: leased state that ends by itself where the hub is away.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "hub/alerts/firing_alerts.h"
#include "hub/devices/device_links.h"
#include "telemetry/v1/device.pb.h"

namespace hub {

/// Lives on control, keeps nothing but the times in FiringAlert. A lease that a connection does not take is tried again
/// by renew(); an inactive one is not: the device's lease then ends by itself within 60 s.
class LeaseRelay {
 public:
  static constexpr std::int64_t lease_us = 60'000'000;
  static constexpr std::int64_t renewal_us = 20'000'000;
  static constexpr std::size_t max_welcome_bytes = 40 * 1024;  // Welcome is one message of at most 64 KiB

  LeaseRelay(DeviceLinks& links, const base::Clock& clock) : links_(links), clock_(clock) {}

  void tell_firing(FiringAlert& alert);
  void tell_resolved(const AlertRecord& alert);
  void renew(FiringAlerts& alerts);
  /// Where not all fit in `max_welcome_bytes`: the most severe, then the newest.
  std::vector<telemetry::v1::AlertLease> welcome(FiringAlerts& alerts, const DeviceId& device) const;

 private:
  telemetry::v1::AlertLease lease_of(const AlertRecord& alert) const;
  bool send(const AlertRecord& alert) const;
  DeviceLinks& links_;
  const base::Clock& clock_;
};

}  // namespace hub
