// Who is asking, what they ask for, and the one place that says yes or no.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/group_members.h"
#include "hub/core/ids.h"

namespace hub {

enum class Role : std::uint8_t { viewer = 1, operator_ = 2, admin = 3 };
const char* to_string(Role role);  // "viewer", "operator", "admin"
std::optional<Role> role_from(std::string_view text);

/// What an API token is for, on top of what its user may. Bits of a set.
enum class Scope : std::uint8_t {
  read = 1,     // devices, readings, live, executions, alerts
  ingest = 2,   // a device's stream, as any device of the user's groups
  command = 4,  // run and cancel commands, acknowledge alerts
  admin = 8,    // everything else that its user may
};
using Scopes = std::uint8_t;
inline constexpr Scopes kEveryScope = 15;
const char* to_string(Scope scope);  // "read", "ingest", "command", "admin"
std::optional<Scope> scope_from(std::string_view text);
std::vector<std::string> scope_names(Scopes scopes);

/// The group that every device is in, also those with no tag. No device group can have this name.
inline constexpr char kEveryDevice[] = "*";

/// A signed-in user, a program with a user's token, or a device. Made by Identity only, from a credential.
struct Principal {
  UserId user;  // empty for a device
  std::string name;
  Role role = Role::viewer;
  DeviceId device;          // set for a device
  std::string session_key;  // which credential this is: for sign-out and for closing live sockets
  /// Of devices: what bounds viewers and operators. Empty: no device. kEveryDevice: all. An admin sees all of them.
  std::vector<std::string> groups{};
  Scopes scopes = kEveryScope;  // fewer for an API token
  bool is_token = false;        // an API token, not a person at a browser
  std::string credential_id{};  // of the token; of a device: its certificate's serial, or empty
  bool may_only_renew = false;  // a device whose certificate has expired
  std::int64_t ends_us = 0;     // when a device's certificate does; Unix time, 0: there is none

  bool operator==(const Principal&) const = default;
};

/// Whether no group bounds what `who` sees.
bool sees_every_device(const Principal& who);

/// Everything anyone can ask of the hub. Adding one without a rule and a scope in principal.cpp fails to compile
/// (-Wswitch).
enum class Operation : std::uint8_t {
  read_devices,
  read_readings,
  subscribe_live,
  read_executions,
  run_command,
  cancel_command,
  read_alerts,
  acknowledge_alert,
  manage_alert_rules,
  manage_devices,
  enrol_devices,
  read_users,
  manage_users,
  read_hub,
  read_audit,
  stream_telemetry,
};
inline constexpr auto kLastOperation = Operation::stream_telemetry;
const char* to_string(Operation operation);  // "read_devices" …

/// Default deny: errc::forbidden with a sentence, or success. A viewer reads; an operator also runs and cancels
/// commands, acknowledges and manages alert rules; an admin all of it; a device may only stream_telemetry. This much is
/// needed whatever the object is; it is enough only where the operation is about no device.
Outcome<void> authorize(const Principal& who, Operation operation);

/// The same, and the device is one that `who` may see: it is in one of the groups, or it is the device itself.
Outcome<void> authorize(const Principal& who, Operation operation, const DeviceId& device, const GroupMembers& members);

/// As the second authorize(), by the groups that the device is (or was, before it was removed) in.
Outcome<void> authorize(const Principal& who, Operation operation, std::span<const std::string> groups_of_device);

}  // namespace hub
