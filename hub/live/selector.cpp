#include "hub/live/selector.h"

#include <algorithm>
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
  if (wish.groups_size() > 0) return invalid("selector.groups", "This hub has no device groups; name devices instead.");
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
  selector.patterns_.assign(wish.series().begin(), wish.series().end());
  return selector;
}

Outcome<std::vector<SeriesRecord>> Selector::resolve(const DeviceRegistry& devices, const Principal& who,
                                                     std::size_t max_series) const {
  std::vector<SeriesRecord> found;
  if (patterns_.empty()) return found;
  found = devices.resolve(devices_, patterns_);
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

bool Selector::matches(const SeriesRecord& series, const DeviceRegistry& devices, const Principal& who) const {
  if (std::none_of(patterns_.begin(), patterns_.end(),
                   [&](const std::string& pattern) { return matches_pattern(pattern, series.name); }))
    return false;
  if (!devices_.empty() && std::find(devices_.begin(), devices_.end(), series.device.str()) == devices_.end()) {
    const auto device = devices.find(series.device.str());
    if (!device || std::find(devices_.begin(), devices_.end(), device->name) == devices_.end()) return false;
  }
  return is_allowed(who, series.device, devices);
}

}  // namespace hub::live
