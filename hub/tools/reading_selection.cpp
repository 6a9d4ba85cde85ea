#include "hub/tools/reading_selection.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <unordered_map>

#include "hub/devices/series_pattern.h"
#include "hub/storage/sqlite/hub_database.h"

namespace hub::tools {
namespace {

constexpr std::size_t kNamesTold = 12;

std::string list_of_names(const std::vector<DeviceRecord>& devices) {
  if (devices.empty()) return "This hub has no devices.";
  std::string names;
  for (std::size_t i = 0; i < devices.size() && i < kNamesTold; ++i) names += (i > 0 ? ", " : "") + devices[i].name;
  if (devices.size() > kNamesTold) names += " and " + std::to_string(devices.size() - kNamesTold) + " more";
  return "Its devices: " + names + ".";
}

}  // namespace

Outcome<std::vector<SelectedSeries>> select_series(const std::string& folder, const ReadingSelection& selection) {
  const std::string path = folder + "/hub.db";
  if (!std::filesystem::exists(path)) {
    return Problem{errc::not_found,
                   folder + ": is no hub's data folder, there is no hub.db in it. Check the path (--data-dir).", ""};
  }
  sqlite::OpenOptions options;
  options.read_only = true;
  auto db = sqlite::HubDatabase::open(path, options);
  if (!db) {
    return Problem{to_errc(db.error()),
                   path +
                       ": cannot be read, or is of another version than this program. Use the telemetry-hub that "
                       "serves it, or let this one serve it once.",
                   ""};
  }
  const auto store = sqlite::make_device_store(**db);
  const auto devices = store->load_devices();
  const auto series = store->load_series();
  if (!devices || !series) return Problem{errc::storage_failed, path + ": its devices cannot be read.", ""};
  std::unordered_map<std::string, std::string> chosen;  // name by id
  for (const auto& device : *devices) {
    const auto is_meant = [&](const std::string& wish) { return wish == device.name || wish == device.id.str(); };
    if (selection.devices.empty() || std::any_of(selection.devices.begin(), selection.devices.end(), is_meant))
      chosen[device.id.str()] = device.name;
  }
  for (const auto& wish : selection.devices) {
    const bool is_there = std::any_of(devices->begin(), devices->end(), [&](const DeviceRecord& device) {
      return wish == device.name || wish == device.id.str();
    });
    if (!is_there)
      return Problem{errc::not_found, "there is no device " + wish + ". " + list_of_names(*devices), "--device"};
  }
  std::vector<SelectedSeries> found;
  std::set<std::string> seen;
  for (const auto& one : *series) {
    const auto device = chosen.find(one.device.str());
    if (device == chosen.end()) continue;
    const bool matches = selection.patterns.empty() ||
                         std::any_of(selection.patterns.begin(), selection.patterns.end(),
                                     [&](const std::string& pattern) { return matches_pattern(pattern, one.name); });
    if (matches) found.push_back({device->second, one, seen.insert(one.device.str()).second});
  }
  if (found.empty() && !selection.patterns.empty()) {
    return Problem{errc::not_found, "no series matches " + selection.patterns.front() + ". " + list_of_names(*devices),
                   "--series"};
  }
  return found;
}

}  // namespace hub::tools
