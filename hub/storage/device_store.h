// Registry rows: devices and series. Engine interface; called on the control thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/reading.h"

namespace hub {

struct CommandDescription {
  std::string name, title, arguments_schema_json, role;
  bool confirm = false;
  std::uint32_t timeout_ms = 0;
  bool operator==(const CommandDescription&) const = default;
};

struct DeviceRecord {
  DeviceId id;
  std::string name;
  std::int64_t created_us = 0;
  std::int64_t last_seen_us = 0;
  std::map<std::string, std::string> tags, attributes;
  std::vector<CommandDescription> commands;
};

struct SeriesWish {
  std::string name, unit;
  ValueType type{};
  std::uint32_t interval_ms = 0;
};

struct SeriesRecord {
  SeriesId id{};
  DeviceId device;
  std::string name, unit;
  ValueType type{};
  std::uint32_t interval_ms = 0;
  std::uint32_t revision = 1;
};

/// Why these tags cannot be an operator's, or nothing: at most 64, keys of 1–64 characters [A-Za-z0-9_.:-], values of
/// at most 256 bytes without control characters.
std::optional<Problem> check_tags(const std::map<std::string, std::string>& tags);

/// Devices whose operator's tags contain all of these; never by what a device says of itself.
struct GroupRecord {
  std::string name;
  std::map<std::string, std::string> tags;  // one at least
  std::int64_t created_us = 0;
};
inline constexpr std::size_t kMaxGroups = 1'000;
/// 1 to 32 characters a-z, 0-9, _ and -: a group's name is part of file names.
bool is_group_name(std::string_view name);
std::optional<Problem> check_group(const GroupRecord& group);

class DeviceStore {
 public:
  virtual ~DeviceStore() = default;
  virtual Result<std::vector<DeviceRecord>> load_devices() = 0;        // without tombstones
  virtual Result<std::vector<SeriesRecord>> load_series() = 0;         // of devices that are there; by id
  virtual Result<void> update_device(const DeviceRecord& device) = 0;  // errc::conflict: name taken
  virtual Result<void> update_last_seen(const std::vector<std::pair<DeviceId, std::int64_t>>& seen) = 0;
  /// Tombstone; credentials revoked in the same transaction.
  virtual Result<void> remove_device(const DeviceId& device, std::int64_t now_us) = 0;
  /// Stores all or none; fills the ids. One fsync.
  virtual Result<void> add_series(std::vector<SeriesRecord>& series) = 0;
  /// One transaction, so that a device that changes all its intervals costs one fsync.
  virtual Result<void> update_intervals(const std::vector<std::pair<SeriesId, std::uint32_t>>& intervals) = 0;

  virtual Result<std::vector<GroupRecord>> load_groups() = 0;      // by name
  virtual Result<void> put_group(const GroupRecord& group) = 0;    // replaces the tags of one of its name
  virtual Result<void> remove_group(const std::string& name) = 0;  // errc::not_found
};

}  // namespace hub
