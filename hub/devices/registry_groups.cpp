// Groups of devices: who is in which is worked out when tags or groups change, and looked up ever after.
#include <algorithm>
#include <mutex>

#include "hub/devices/registry_state.h"

namespace hub {

bool DeviceRegistry::State::sort_into_groups(DeviceEntry& entry) {
  const auto& tags = entry.record.tags;
  std::vector<std::string> now;
  for (const auto& [name, group] : groups) {
    const bool is_in = std::all_of(group.tags.begin(), group.tags.end(), [&](const auto& tag) {
      const auto own = tags.find(tag.first);
      return own != tags.end() && own->second == tag.second;
    });
    if (is_in) now.push_back(name);
  }
  if (now == entry.groups) return false;
  entry.groups = std::move(now);
  ++memberships_version;
  return true;
}

Outcome<bool> DeviceRegistry::State::put_group(GroupRecord group) {
  if (auto problem = check_group(group)) return std::move(*problem);
  const auto held = groups.find(group.name);
  const bool is_new = held == groups.end();
  if (is_new && groups.size() >= kMaxGroups) {
    return Problem{errc::too_large, "There are " + std::to_string(kMaxGroups) + " groups already; remove one first.",
                   ""};
  }
  if (!is_new) {
    if (held->second.tags == group.tags) return false;
    group.created_us = held->second.created_us;
  }
  if (auto done = store.put_group(group); !done)
    return Problem{to_errc(done.error()), "The group could not be stored: " + done.error().message() + ".", ""};
  const std::unique_lock lock(mutex);
  groups[group.name] = std::move(group);
  for (const auto& [id, entry] : devices) {
    if (sort_into_groups(*entry)) ++regroupings;
  }
  return is_new;
}

Outcome<bool> DeviceRegistry::State::remove_group(const std::string& name) {
  const auto held = groups.find(name);
  if (held == groups.end()) return Problem{errc::not_found, "There is no group " + name + ".", ""};
  if (auto done = store.remove_group(name); !done)
    return Problem{to_errc(done.error()), "The group could not be removed: " + done.error().message() + ".", ""};
  const std::unique_lock lock(mutex);
  groups.erase(held);
  for (const auto& [id, entry] : devices) {
    if (sort_into_groups(*entry)) ++regroupings;
  }
  return true;
}

std::vector<GroupRecord> DeviceRegistry::groups() const {
  std::vector<GroupRecord> all;
  const std::shared_lock lock(state_->mutex);
  for (const auto& [name, group] : state_->groups) all.push_back(group);
  return all;
}

std::optional<GroupRecord> DeviceRegistry::group(std::string_view name) const {
  const std::shared_lock lock(state_->mutex);
  const auto held = state_->groups.find(name);
  return held == state_->groups.end() ? std::nullopt : std::optional(held->second);
}

std::vector<std::string> DeviceRegistry::groups_of(const DeviceId& device) const {
  const std::shared_lock lock(state_->mutex);
  const auto* entry = state_->find(device);
  return entry == nullptr ? std::vector<std::string>() : entry->groups;
}

std::vector<std::string> DeviceRegistry::groups_of(SeriesId series) const {
  const std::shared_lock lock(state_->mutex);
  const auto held = state_->series.find(series);
  if (held == state_->series.end()) return {};
  const auto* entry = state_->find(held->second.device);
  return entry == nullptr ? std::vector<std::string>() : entry->groups;
}

std::vector<DeviceRecord> DeviceRegistry::devices_in(std::string_view group) const {
  std::vector<DeviceRecord> found;
  const std::shared_lock lock(state_->mutex);
  for (const auto& [name, id] : state_->names) {
    const auto* entry = state_->find(id);
    if (std::find(entry->groups.begin(), entry->groups.end(), group) == entry->groups.end()) continue;
    found.push_back(entry->record);
    found.back().last_seen_us = entry->last_seen_us.load(std::memory_order_relaxed);
  }
  return found;
}

bool DeviceRegistry::is_in_any(const DeviceId& device, std::span<const std::string> groups) const {
  const std::shared_lock lock(state_->mutex);
  const auto* entry = state_->find(device);
  if (entry == nullptr) return false;
  return std::any_of(groups.begin(), groups.end(), [entry](const std::string& group) {
    return std::binary_search(entry->groups.begin(), entry->groups.end(), group);
  });
}

std::uint64_t DeviceRegistry::regroupings() const {
  return state_->regroupings;
}

std::uint64_t DeviceRegistry::memberships_version() const {
  return state_->memberships_version;
}

}  // namespace hub
