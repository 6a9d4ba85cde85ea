// The alerts that are active now.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "hub/storage/alert_store.h"

namespace hub {

struct FiringAlert {
  AlertRecord record;
  bool is_leased = false;  // its device was told, at leased_boot_us
  std::int64_t leased_boot_us = 0;
};

/// Lives on control. At most one a rule and series, so bounded by the watch list.
class FiringAlerts {
 public:
  FiringAlert& put(AlertRecord record);
  void erase(const AlertId& id);
  std::optional<AlertRecord> take(const AlertId& id);  // out of here
  FiringAlert* find(const AlertId& id);
  std::vector<FiringAlert*> of_device(const DeviceId& device);
  std::vector<AlertId> of_rule(const RuleId& rule) const;
  std::map<AlertId, FiringAlert>& all() { return alerts_; }
  std::size_t size() const { return alerts_.size(); }

 private:
  std::map<AlertId, FiringAlert> alerts_;
  std::unordered_map<DeviceId, std::set<AlertId>> by_device_;
};

}  // namespace hub
