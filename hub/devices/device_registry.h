// Which devices and series there are, and who is online. The hub's memory of hub.db's registry tables.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/worker.h"
#include "hub/core/errc.h"
#include "hub/core/group_members.h"
#include "hub/core/reading.h"
#include "hub/storage/device_store.h"

namespace hub {

enum class Presence : std::uint8_t { unknown = 0, online = 1, asleep = 2, offline = 3 };  // as telemetry.v1.Presence
const char* to_string(Presence p);

struct PresenceChange {
  DeviceId device;
  std::string name;
  Presence presence{};
  std::int64_t last_seen_us = 0;
  bool removed = false;
  std::vector<std::string> groups{};  // of devices, that it is or was in
};

/// Thread-safe: reads from memory under a shared lock; writes on `control`, durable before the reply (also called
/// there). A device is online while at least one of its sessions is: each connected() is matched by one disconnected(),
/// in any order among sessions. Without one it is `offline`; or `asleep`, where it says by kWakeIntervalAttribute that
/// it is there only now and then, until it is late by half of that and a minute. After a start those are `asleep` who
/// would be without it, and every other device is `unknown` until it connects or `start_grace_us` has passed. Loads in
/// the constructor, which throws boost::system::system_error where the store cannot be read. A full control queue is
/// answered `busy` on the caller's thread. Memory is bounded by what is enrolled: 4,096 series a device.
class DeviceRegistry final : public GroupMembers {
 public:
  /// Longer than a device takes to come back: agents wait up to 60 s between two attempts.
  static constexpr std::int64_t kStartGraceUs = 90'000'000;
  /// Of a device that switches itself off: whole seconds, how long it is usually away.
  static constexpr char kWakeIntervalAttribute[] = "wake_interval_s";

  DeviceRegistry(DeviceStore& store, base::Worker& control, const base::Clock& clock,
                 std::int64_t start_grace_us = kStartGraceUs);
  ~DeviceRegistry() override;

  std::optional<DeviceRecord> find(std::string_view id_or_name) const;
  /// Ordered by name; `after` is the last name of the page before.
  std::vector<DeviceRecord> list(std::string_view after, std::size_t limit) const;
  std::size_t count() const;
  std::vector<SeriesRecord> series_of(const DeviceId& device) const;  // newest revision of each name, ordered by name
  std::vector<SeriesRecord> revisions_of(const DeviceId& device, std::string_view name) const;  // oldest first
  std::optional<SeriesRecord> series(SeriesId id) const;
  Presence presence(const DeviceId& device) const;
  std::int64_t last_seen_us(const DeviceId& device) const;

  /// `devices`: ids or names, empty = all; `patterns`: '*' any run of characters. Newest revisions.
  std::vector<SeriesRecord> resolve(const std::vector<std::string>& devices,
                                    const std::vector<std::string>& patterns) const;

  /// Existing or new series of the device for each wish, in order; a change of unit or type opens a new revision.
  /// Fsynced before the reply. At most 4,096 series a device: wishes beyond get SeriesId{}, first come first served.
  void define_series(DeviceId device, std::vector<SeriesWish> wishes,
                     std::function<void(Outcome<std::vector<SeriesId>>)> answer);
  /// Makes the memory know a device that Identity has just stored. On control.
  void added(const DeviceRecord& device);
  void rename(DeviceId device, std::string name, std::function<void(Outcome<bool>)> answer);
  void set_tags(DeviceId device, std::map<std::string, std::string> tags, std::function<void(Outcome<bool>)> answer);
  /// Attributes and command schemas as said at Hello. Written only where they differ.
  void described(DeviceId device, std::map<std::string, std::string> attributes,
                 std::vector<CommandDescription> commands);
  void remove(DeviceId device, std::function<void(Outcome<bool>)> answer);

  std::vector<GroupRecord> groups() const;  // by name
  std::optional<GroupRecord> group(std::string_view name) const;
  /// Makes the group (true), or gives it other tags. At most kMaxGroups.
  void put_group(std::string name, std::map<std::string, std::string> tags, std::function<void(Outcome<bool>)> answer);
  void remove_group(std::string name, std::function<void(Outcome<bool>)> answer);
  /// Names, ascending, of the groups that the device is in.
  std::vector<std::string> groups_of(const DeviceId& device) const;
  std::vector<std::string> groups_of(SeriesId series) const;
  std::vector<DeviceRecord> devices_in(std::string_view group) const;  // by name
  bool is_in_any(const DeviceId& device, std::span<const std::string> groups) const override;
  /// Grows with every change of who is in which group.
  std::uint64_t memberships_version() const;
  /// Grows when a device that was there already comes into a group or leaves one.
  std::uint64_t regroupings() const;

  void connected(const DeviceId& device);  // any thread
  void disconnected(const DeviceId& device);
  /// The hub ends, and with it every session: from here on disconnected() says nothing of a device. Any thread.
  void hub_stops();
  void seen(const DeviceId& device);  // a frame came; memory only, stored with the next presence change or minute
  /// On control, each second: unknown becomes offline when the grace after the start is over; last_seen is stored each
  /// minute.
  void tick();

  /// Called on control at each presence change and registry change. Set once before start.
  void on_presence(std::function<void(const PresenceChange&)> listener);
  void on_series_added(std::function<void(const std::vector<SeriesRecord>&)> listener);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hub
