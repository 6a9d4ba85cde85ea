// Who is asking, what they ask for, and the one place that says yes or no.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/errc.h"
#include "hub/core/ids.h"

namespace hub {

enum class Role : std::uint8_t { viewer = 1, operator_ = 2, admin = 3 };
const char* to_string(Role role);  // "viewer", "operator", "admin"
std::optional<Role> role_from(std::string_view text);

/// A signed-in user, or a device. Made by Identity only, from a credential.
struct Principal {
  UserId user;  // empty for a device
  std::string name;
  Role role = Role::viewer;
  DeviceId device;          // set for a device
  std::string session_key;  // which sign-in this is: for sign-out and for closing live sockets
};

/// Everything anyone can ask of the hub. Adding one without a rule in authorize() fails to compile (-Wswitch).
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

/// Default deny. `device`: the object, where the operation is about one. errc::forbidden with a sentence, or success.
/// Rules of today: viewer reads; operator also runs and cancels commands, acknowledges, manages alert rules; admin all;
/// a device may only stream_telemetry as itself. Groups narrow this later, here.
Outcome<void> authorize(const Principal& who, Operation operation, const DeviceId& device = {});

}  // namespace hub
