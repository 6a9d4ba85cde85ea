// What DeviceRegistry holds; shared by the files that implement it, included by nobody else.
#pragma once

#include <atomic>
#include <map>
#include <set>
#include <shared_mutex>
#include <unordered_map>

#include "base/shared_mutex.h"
#include "hub/devices/device_registry.h"

namespace hub {

/// The device, its presence and its series. Fields change under the registry's unique lock, but last_seen_us, which
/// every frame touches under the shared one.
struct DeviceEntry {
  DeviceRecord record;  // its last_seen_us is what the store has
  std::atomic<std::int64_t> last_seen_us{0};
  Presence presence = Presence::unknown;
  std::uint32_t sessions = 0;
  std::map<std::string, std::vector<SeriesId>, std::less<>> series;  // by name; revisions, oldest first
  std::size_t series_count = 0;                                      // all revisions
  std::vector<std::string> groups;                                   // names, ascending
};

/// Writes (everything below that says so) run on control, which alone changes devices, names and series: it may
/// therefore read them without the lock, and takes the unique one only to change them. Shared, since what is posted to
/// control holds it: the registry may go while that waits.
struct DeviceRegistry::State : std::enable_shared_from_this<DeviceRegistry::State> {
  State(DeviceStore& device_store, base::Worker& control_worker, const base::Clock& used_clock, std::int64_t grace_us)
      : store(device_store),
        control(control_worker),
        clock(used_clock),
        started_us(used_clock.boot_us()),
        start_grace_us(grace_us) {}

  DeviceStore& store;
  base::Worker& control;
  const base::Clock& clock;
  const std::int64_t started_us, start_grace_us;

  mutable base::SharedMutex mutex;
  std::unordered_map<DeviceId, std::unique_ptr<DeviceEntry>> devices;
  std::map<std::string, DeviceId, std::less<>> names;
  std::unordered_map<SeriesId, SeriesRecord> series;
  std::map<std::string, GroupRecord, std::less<>> groups;
  std::atomic<std::uint64_t> memberships_version{0}, regroupings{0};
  // Devices whose presence changed and has not been told: presence is state, so one entry a device is enough.
  std::set<DeviceId> untold;
  std::set<DeviceId> asleep;  // under the lock; those whose presence says so, and some that were
  bool hub_stops = false;     // under the lock
  bool telling = false;       // a task that tells is on its way

  // Control only.
  bool settled = false;  // the grace after the start is over
  std::int64_t last_seen_stored_us = 0;
  std::function<void(const PresenceChange&)> presence_listener;
  std::function<void(const std::vector<SeriesRecord>&)> series_listener;

  void load();
  DeviceEntry* find(const DeviceId& device) const;  // under a lock or on control
  DeviceEntry* find_by_name_or_id(std::string_view id_or_name) const;
  void index_series(const SeriesRecord& record);  // under the unique lock

  // On control.
  Outcome<std::vector<SeriesId>> define_series(const DeviceId& device, const std::vector<SeriesWish>& wishes);
  Outcome<bool> rename(const DeviceId& device, const std::string& name);
  Outcome<bool> set_tags(const DeviceId& device, std::map<std::string, std::string> tags);
  void described(const DeviceId& device, std::map<std::string, std::string> attributes,
                 std::vector<CommandDescription> commands);
  Outcome<bool> remove(const DeviceId& device);
  Outcome<bool> put_group(GroupRecord group);
  Outcome<bool> remove_group(const std::string& name);
  bool sort_into_groups(DeviceEntry& entry);  // under the unique lock; true: it is in others now

  // Any thread.
  void session_began(const DeviceId& device);
  void session_ended(const DeviceId& device);
  // On control.
  void tell_presence();
  void tell(const PresenceChange& change) const;
  PresenceChange snapshot(const DeviceEntry& entry) const;  // under a lock
  void tell_of(const DeviceEntry& entry) const;             // takes the lock for its snapshot only
  Presence away(const DeviceEntry& entry) const;            // under a lock
  void look_for_overslept();
  void settle();
  void store_last_seen();

 private:
  void mark_untold(const DeviceId& device, std::unique_lock<base::SharedMutex>& lock);
};

}  // namespace hub
