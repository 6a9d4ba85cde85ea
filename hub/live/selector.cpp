#include "hub/live/selector.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "hub/devices/series_pattern.h"

namespace hub::live {
namespace {

bool is_allowed(const Principal& who, const DeviceId& device, const DeviceRegistry& devices) {
  return authorize(who, Operation::subscribe_live, device, devices) &&
         authorize(who, Operation::read_readings, device, devices);
}

Problem invalid(std::string field, std::string detail) {
  return {errc::invalid_argument, std::move(detail), std::move(field)};
}

}  // namespace

Outcome<Selector> Selector::from(const telemetry::v1::Selector& wish) {
  if (static_cast<std::size_t>(wish.groups_size()) > kMaxSelectedGroups)
    return invalid("selector.groups", "At most 64 groups are taken.");
  if (static_cast<std::size_t>(wish.devices_size()) > kMaxDevices)
    return invalid("selector.devices", "At most 1,000 devices are taken; leave it empty for all.");
  if (static_cast<std::size_t>(wish.series_size()) > kMaxPatterns)
    return invalid("selector.series", "At most 64 patterns are taken.");
  for (const auto& pattern : wish.series()) {
    if (pattern.empty() || pattern.size() > kMaxPatternBytes)
      return invalid("selector.series", "A pattern has 1 to 256 characters.");
  }
  Selector selector;
  selector.devices_.assign(wish.devices().begin(), wish.devices().end());
  selector.groups_.assign(wish.groups().begin(), wish.groups().end());
  selector.patterns_.assign(wish.series().begin(), wish.series().end());
  return selector;
}

Outcome<std::vector<SeriesRecord>> Selector::resolve(const DeviceRegistry& devices, const Principal& who,
                                                     std::size_t max_series) const {
  std::vector<SeriesRecord> found;
  if (patterns_.empty()) return found;
  if (groups_.empty()) {
    found = devices.resolve(devices_, patterns_);
  } else {
    // Ids, so that a device which is named and in two groups comes once.
    std::set<std::string> ids;
    for (const auto& named : devices_) {
      if (const auto device = devices.find(named)) ids.insert(device->id.str());
    }
    for (const auto& group : groups_) {
      for (const auto& device : devices.devices_in(group)) ids.insert(device.id.str());
    }
    if (!ids.empty()) found = devices.resolve({ids.begin(), ids.end()}, patterns_);
  }
  std::unordered_map<DeviceId, bool> may;
  std::erase_if(found, [&](const SeriesRecord& series) {
    const auto known = may.find(series.device);
    if (known != may.end()) return !known->second;
    return !may.emplace(series.device, is_allowed(who, series.device, devices)).first->second;
  });
  if (found.size() > max_series) {
    return Problem{errc::too_large,
                   "This asks for " + std::to_string(found.size()) + " series; " + std::to_string(max_series) +
                       " more are taken in this session. Name fewer devices or narrower patterns.",
                   "selector"};
  }
  return found;
}

bool Selector::names(const DeviceId& device, const DeviceRegistry& devices) const {
  if (devices_.empty() && groups_.empty()) return true;
  if (std::find(devices_.begin(), devices_.end(), device.str()) != devices_.end()) return true;
  if (devices.is_in_any(device, groups_)) return true;
  const auto record = devices.find(device.str());
  return record && std::find(devices_.begin(), devices_.end(), record->name) != devices_.end();
}

bool Selector::matches(const SeriesRecord& series, const DeviceRegistry& devices, const Principal& who) const {
  if (std::none_of(patterns_.begin(), patterns_.end(),
                   [&](const std::string& pattern) { return matches_pattern(pattern, series.name); }))
    return false;
  return names(series.device, devices) && is_allowed(who, series.device, devices);
}

}  // namespace hub::live
