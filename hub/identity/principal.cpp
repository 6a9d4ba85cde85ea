#include "hub/identity/principal.h"

namespace hub {
namespace {

// The least role an operation asks for; nothing: no user may, whatever the role.
std::optional<Role> least_role(Operation operation) {
  switch (operation) {
    case Operation::read_devices:
    case Operation::read_readings:
    case Operation::subscribe_live:
    case Operation::read_executions:
    case Operation::read_alerts:
    case Operation::read_hub:
      return Role::viewer;
    case Operation::run_command:
    case Operation::cancel_command:
    case Operation::acknowledge_alert:
    case Operation::manage_alert_rules:
      return Role::operator_;
    case Operation::manage_devices:
    case Operation::enrol_devices:
    case Operation::read_users:
    case Operation::manage_users:
    case Operation::read_audit:
      return Role::admin;
    case Operation::stream_telemetry:
      return std::nullopt;
  }
  return std::nullopt;
}

Problem forbidden(std::string sentence) {
  return {errc::forbidden, std::move(sentence), ""};
}

}  // namespace

const char* to_string(Role role) {
  switch (role) {
    case Role::viewer:
      return "viewer";
    case Role::operator_:
      return "operator";
    case Role::admin:
      return "admin";
  }
  return "unknown";
}

std::optional<Role> role_from(std::string_view text) {
  for (const auto role : {Role::viewer, Role::operator_, Role::admin}) {
    if (text == to_string(role)) return role;
  }
  return std::nullopt;
}

Outcome<void> authorize(const Principal& who, Operation operation, const DeviceId& device) {
  const auto least = least_role(operation);
  if (!who.device.empty()) {
    // A device acts as itself, which is also what no device named means.
    if (operation != Operation::stream_telemetry) return forbidden("A device may only send its own telemetry.");
    if (!device.empty() && device != who.device) return forbidden("A device may only send telemetry as itself.");
    return {};
  }
  if (who.user.empty()) return forbidden("Sign in first.");
  if (!least) return forbidden("Only a device may do this, with its own credential.");
  if (who.role < *least || who.role > Role::admin) {
    return forbidden(std::string("This needs the role ") + to_string(*least) + "; yours is " + to_string(who.role) +
                     ".");
  }
  return {};
}

}  // namespace hub
