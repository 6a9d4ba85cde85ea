// DeviceRegistry's writes: stored first, then remembered, then told. All of it on control.
#include <algorithm>
#include <mutex>

#include "hub/devices/registry_state.h"
#include "wire/frame_codec.h"

namespace hub {
namespace {

constexpr std::size_t kSeriesPerDevice = 4'096;
constexpr std::size_t kOverQuota = SIZE_MAX;  // the place of a wish that is not fulfilled
constexpr std::size_t kAttributes = 64;
constexpr std::size_t kAttributeBytes = 256;
constexpr std::size_t kCommands = 128;

Problem stored_not(const error_code& ec) {
  return {to_errc(ec), "The registry could not be written: " + ec.message() + ".", ""};
}

Problem unknown_device(const DeviceId& device) {
  return {errc::not_found, "There is no device " + device.str() + ".", ""};
}

std::optional<Problem> check(const SeriesWish& wish) {
  if (!wire::is_series_name(wish.name)) {
    return Problem{errc::invalid_argument, "A series name is 1 to 128 characters of A-Z, a-z, 0-9 and _ . : -.",
                   "/name"};
  }
  if (!wire::is_unit(wish.unit)) {
    return Problem{errc::invalid_argument, "The unit of " + wish.name + " is longer than 32 bytes or not text.",
                   "/unit"};
  }
  if (wish.type < ValueType::number || wish.type > ValueType::location) {
    return Problem{errc::invalid_argument, "The type of " + wish.name + " is not known.", "/type"};
  }
  return std::nullopt;
}

}  // namespace

Outcome<std::vector<SeriesId>> DeviceRegistry::State::define_series(const DeviceId& device,
                                                                    const std::vector<SeriesWish>& wishes) {
  auto* entry = find(device);
  if (entry == nullptr) return unknown_device(device);

  std::vector<SeriesRecord> added;
  std::map<std::string_view, std::size_t> newest_added;  // into `added`: one list may say a name twice
  std::map<SeriesId, std::uint32_t> intervals;
  // Where each wish ends: at a series that is there, or at one of `added`.
  std::vector<std::pair<SeriesId, std::size_t>> places;
  for (const auto& wish : wishes) {
    if (auto problem = check(wish)) return std::move(*problem);
    const SeriesRecord* newest = nullptr;
    const auto again = newest_added.find(wish.name);
    if (again != newest_added.end()) {
      newest = &added[again->second];
    } else if (const auto named = entry->series.find(wish.name); named != entry->series.end()) {
      newest = &series.at(named->second.back());
    }
    if (newest != nullptr && newest->unit == wish.unit && newest->type == wish.type) {
      if (again != newest_added.end()) {
        added[again->second].interval_ms = wish.interval_ms;
        places.emplace_back(SeriesId{}, again->second);
      } else {
        if (newest->interval_ms != wish.interval_ms) {
          intervals[newest->id] = wish.interval_ms;
        } else {
          intervals.erase(newest->id);
        }
        places.emplace_back(newest->id, 0);
      }
      continue;
    }
    if (entry->series_count + added.size() == kSeriesPerDevice) {
      places.emplace_back(SeriesId{}, kOverQuota);
      continue;
    }
    SeriesRecord record{SeriesId{},
                        device,
                        wish.name,
                        wish.unit,
                        wish.type,
                        wish.interval_ms,
                        newest == nullptr ? 1 : newest->revision + 1};
    newest_added[wish.name] = added.size();
    places.emplace_back(SeriesId{}, added.size());
    added.push_back(std::move(record));
  }
  if (!added.empty()) {
    if (auto done = store.add_series(added); !done) return stored_not(done.error());
    const std::unique_lock lock(mutex);
    for (const auto& record : added) index_series(record);
  }
  if (!intervals.empty()) {
    const std::vector<std::pair<SeriesId, std::uint32_t>> changed(intervals.begin(), intervals.end());
    if (auto done = store.update_intervals(changed); !done) return stored_not(done.error());
    const std::unique_lock lock(mutex);
    for (const auto& [id, interval_ms] : changed) series.at(id).interval_ms = interval_ms;
  }
  if (!added.empty() && series_listener) series_listener(added);

  std::vector<SeriesId> ids;
  ids.reserve(places.size());
  for (const auto& [id, index] : places) {
    if (id != SeriesId{}) {
      ids.push_back(id);
    } else {
      ids.push_back(index == kOverQuota ? SeriesId{} : added[index].id);
    }
  }
  return ids;
}

Outcome<bool> DeviceRegistry::State::rename(const DeviceId& device, const std::string& name) {
  auto* entry = find(device);
  if (entry == nullptr) return unknown_device(device);
  if (!wire::is_device_name(name)) {
    return Problem{errc::invalid_argument,
                   "A device name is 1 to 64 characters of letters, digits, space and _ . : -, without a space at "
                   "either end.",
                   "/name"};
  }
  if (entry->record.name == name) return true;
  const Problem taken{errc::conflict, "There is a device named " + name + " already.", "/name"};
  if (names.contains(name)) return taken;
  auto changed = entry->record;
  changed.name = name;
  if (auto done = store.update_device(changed); !done) {
    return to_errc(done.error()) == errc::conflict ? taken : stored_not(done.error());
  }
  {
    const std::unique_lock lock(mutex);
    names.erase(entry->record.name);
    names.emplace(name, device);
    entry->record.name = name;
  }
  tell_of(*entry);
  return true;
}

Outcome<bool> DeviceRegistry::State::set_tags(const DeviceId& device, std::map<std::string, std::string> tags) {
  auto* entry = find(device);
  if (entry == nullptr) return unknown_device(device);
  if (auto problem = check_tags(tags)) return std::move(*problem);
  if (entry->record.tags == tags) return true;
  auto changed = entry->record;
  changed.tags = std::move(tags);
  if (auto done = store.update_device(changed); !done) return stored_not(done.error());
  {
    const std::unique_lock lock(mutex);
    entry->record.tags = std::move(changed.tags);
    if (sort_into_groups(*entry)) ++regroupings;
  }
  tell_of(*entry);
  return true;
}

void DeviceRegistry::State::described(const DeviceId& device, std::map<std::string, std::string> attributes,
                                      std::vector<CommandDescription> commands) {
  auto* entry = find(device);
  if (entry == nullptr) return;
  // What a device says of itself beyond these bounds is left out, not a reason to refuse the device.
  std::erase_if(attributes, [](const auto& pair) {
    return pair.first.empty() || pair.first.size() > kAttributeBytes || pair.second.size() > kAttributeBytes;
  });
  while (attributes.size() > kAttributes) attributes.erase(std::prev(attributes.end()));
  if (commands.size() > kCommands) commands.resize(kCommands);
  if (entry->record.attributes == attributes && entry->record.commands == commands) return;
  auto changed = entry->record;
  changed.attributes = std::move(attributes);
  changed.commands = std::move(commands);
  if (auto done = store.update_device(changed); !done) return;  // said again at the next Hello
  {
    const std::unique_lock lock(mutex);
    entry->record.attributes = std::move(changed.attributes);
    entry->record.commands = std::move(changed.commands);
  }
  tell_of(*entry);
}

Outcome<bool> DeviceRegistry::State::remove(const DeviceId& device) {
  auto* entry = find(device);
  if (entry == nullptr) return unknown_device(device);
  if (auto done = store.remove_device(device, clock.now_us()); !done) return stored_not(done.error());
  PresenceChange change;
  std::unique_ptr<DeviceEntry> removed;
  {
    const std::unique_lock lock(mutex);
    change = snapshot(*entry);
    for (const auto& [name, revisions] : entry->series) {
      for (const auto id : revisions) series.erase(id);
    }
    names.erase(entry->record.name);
    untold.erase(device);
    removed = std::move(devices.extract(device).mapped());
  }
  change.removed = true;
  change.presence = Presence::offline;
  tell(change);
  return true;
}

void DeviceRegistry::added(const DeviceRecord& device) {
  auto& state = *state_;
  auto entry = std::make_unique<DeviceEntry>();
  entry->record = device;
  entry->last_seen_us = device.last_seen_us;
  entry->presence = Presence::offline;  // nobody had its credential before
  auto* kept = entry.get();
  {
    const std::unique_lock lock(state.mutex);
    if (!state.devices.emplace(device.id, std::move(entry)).second) return;
    state.names.emplace(device.name, device.id);
    state.sort_into_groups(*kept);
  }
  state.tell_of(*kept);
}

}  // namespace hub
