// Who is online, and when each device was last heard.
#include <charconv>
#include <mutex>

#include "hub/devices/registry_state.h"

namespace hub {
namespace {

constexpr std::int64_t kStoreLastSeenEvery_us = 60 * 1'000'000;
constexpr std::int64_t kWakeGrace_us = 60 * 1'000'000;  // and half an interval: clocks of boards that sleep are poor
constexpr std::int64_t kLongestWakeInterval_s = 366 * 86'400;

/// How long the device is usually away between two sessions, by its own word; 0: it should not be, or says nonsense.
std::int64_t wake_interval_us(const DeviceRecord& device) {
  const auto said = device.attributes.find(DeviceRegistry::kWakeIntervalAttribute);
  if (said == device.attributes.end()) return 0;
  const std::string& text = said->second;
  std::int64_t seconds = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool is_number = failed == std::errc() && end == text.data() + text.size();
  return is_number && seconds > 0 && seconds <= kLongestWakeInterval_s ? seconds * 1'000'000 : 0;
}

}  // namespace

/// Of a device without a session. Derived from what is stored, so that a restart of the hub wakes nobody.
Presence DeviceRegistry::State::away(const DeviceEntry& entry) const {
  const std::int64_t interval_us = wake_interval_us(entry.record);
  if (interval_us == 0) return Presence::offline;
  const std::int64_t away_us = clock.now_us() - entry.last_seen_us.load(std::memory_order_relaxed);
  return away_us <= interval_us + interval_us / 2 + kWakeGrace_us ? Presence::asleep : Presence::offline;
}

/// Those who should have been back by now are offline.
void DeviceRegistry::State::look_for_overslept() {
  std::vector<PresenceChange> changes;
  {
    const std::unique_lock lock(mutex);
    std::erase_if(asleep, [&](const DeviceId& device) {
      auto* entry = find(device);
      if (entry == nullptr || entry->presence != Presence::asleep) return true;
      if (away(*entry) == Presence::asleep) return false;
      entry->presence = Presence::offline;
      changes.push_back(snapshot(*entry));
      return true;
    });
  }
  for (const auto& change : changes) tell(change);
}

void DeviceRegistry::State::session_began(const DeviceId& device) {
  std::unique_lock lock(mutex);
  auto* entry = find(device);
  if (entry == nullptr) return;
  ++entry->sessions;
  entry->last_seen_us.store(clock.now_us(), std::memory_order_relaxed);
  if (entry->presence == Presence::online) return;
  entry->presence = Presence::online;
  mark_untold(device, lock);
}

void DeviceRegistry::State::session_ended(const DeviceId& device) {
  std::unique_lock lock(mutex);
  auto* entry = find(device);
  if (entry == nullptr || entry->sessions == 0) return;
  entry->last_seen_us.store(clock.now_us(), std::memory_order_relaxed);
  if (--entry->sessions > 0) return;  // a newer session came before this one ended
  if (hub_stops) return;              // it was not the device that left
  entry->presence = away(*entry);
  if (entry->presence == Presence::asleep) asleep.insert(device);
  mark_untold(device, lock);
}

// When thousands of devices connect at once their changes become few transactions: whatever came while control was
// busy is stored together.
void DeviceRegistry::State::mark_untold(const DeviceId& device, std::unique_lock<base::SharedMutex>& lock) {
  untold.insert(device);
  if (std::exchange(telling, true)) return;
  lock.unlock();
  control.post([state = shared_from_this()] { state->tell_presence(); });
}

void DeviceRegistry::State::tell_presence() {
  std::vector<PresenceChange> changes;
  {
    const std::unique_lock lock(mutex);
    telling = false;
    for (const auto& device : std::exchange(untold, {})) {
      if (const auto* entry = find(device)) changes.push_back(snapshot(*entry));
    }
  }
  std::vector<std::pair<DeviceId, std::int64_t>> seen;
  seen.reserve(changes.size());
  for (const auto& change : changes) seen.emplace_back(change.device, change.last_seen_us);
  if (store.update_last_seen(seen)) {
    const std::unique_lock lock(mutex);
    for (const auto& [device, last_seen_us] : seen) {
      if (auto* entry = find(device)) entry->record.last_seen_us = last_seen_us;
    }
  }  // else the next minute's tick stores it
  for (const auto& change : changes) tell(change);
}

void DeviceRegistry::State::tell(const PresenceChange& change) const {
  if (presence_listener) presence_listener(change);
}

void DeviceRegistry::State::tell_of(const DeviceEntry& entry) const {
  PresenceChange change;
  {
    const std::shared_lock lock(mutex);
    change = snapshot(entry);
  }
  tell(change);
}

PresenceChange DeviceRegistry::State::snapshot(const DeviceEntry& entry) const {
  return {entry.record.id, entry.record.name, entry.presence, entry.last_seen_us.load(std::memory_order_relaxed),
          false,           entry.groups};
}

void DeviceRegistry::State::settle() {
  if (settled || clock.boot_us() - started_us < start_grace_us) return;
  settled = true;
  std::vector<PresenceChange> changes;
  {
    const std::unique_lock lock(mutex);
    for (const auto& [name, id] : names) {
      auto* entry = find(id);
      if (entry->presence != Presence::unknown) continue;
      entry->presence = Presence::offline;
      changes.push_back(snapshot(*entry));
    }
  }
  for (const auto& change : changes) tell(change);
}

void DeviceRegistry::State::store_last_seen() {
  if (clock.boot_us() - last_seen_stored_us < kStoreLastSeenEvery_us) return;
  last_seen_stored_us = clock.boot_us();
  std::vector<std::pair<DeviceId, std::int64_t>> seen;
  {
    const std::shared_lock lock(mutex);
    for (const auto& [id, entry] : devices) {
      const auto last_seen_us = entry->last_seen_us.load(std::memory_order_relaxed);
      if (last_seen_us > entry->record.last_seen_us) seen.emplace_back(id, last_seen_us);
    }
  }
  if (seen.empty() || !store.update_last_seen(seen)) return;
  const std::unique_lock lock(mutex);
  for (const auto& [device, last_seen_us] : seen) find(device)->record.last_seen_us = last_seen_us;
}

void DeviceRegistry::hub_stops() {
  const std::unique_lock lock(state_->mutex);
  state_->hub_stops = true;
}

void DeviceRegistry::tick() {
  state_->settle();
  state_->look_for_overslept();
  state_->store_last_seen();
}

}  // namespace hub
