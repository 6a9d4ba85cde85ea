#include "hub/identity/principal.h"

#include <algorithm>

namespace hub {
namespace {

constexpr Scope kScopes[] = {Scope::read, Scope::ingest, Scope::command, Scope::admin};

/// What an operation asks for. The scope admin includes read and command, as the role does; ingest is apart.
struct Rule {
  Role least;
  Scope scope;
};
std::optional<Rule> rule_of(Operation operation) {
  switch (operation) {
    case Operation::read_devices:
    case Operation::read_readings:
    case Operation::subscribe_live:
    case Operation::read_executions:
    case Operation::read_alerts:
    case Operation::read_hub:
      return Rule{Role::viewer, Scope::read};
    case Operation::run_command:
    case Operation::cancel_command:
    case Operation::acknowledge_alert:
      return Rule{Role::operator_, Scope::command};
    case Operation::manage_alert_rules:
      return Rule{Role::operator_, Scope::admin};
    case Operation::manage_devices:
    case Operation::enrol_devices:
    case Operation::read_users:
    case Operation::manage_users:
    case Operation::read_audit:
      return Rule{Role::admin, Scope::admin};
    case Operation::stream_telemetry:
      return Rule{Role::operator_, Scope::ingest};
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

const char* to_string(Scope scope) {
  switch (scope) {
    case Scope::read:
      return "read";
    case Scope::ingest:
      return "ingest";
    case Scope::command:
      return "command";
    case Scope::admin:
      return "admin";
  }
  return "unknown";
}

std::optional<Scope> scope_from(std::string_view text) {
  for (const auto scope : kScopes) {
    if (text == to_string(scope)) return scope;
  }
  return std::nullopt;
}

std::vector<std::string> scope_names(Scopes scopes) {
  std::vector<std::string> names;
  for (const auto scope : kScopes) {
    if ((scopes & static_cast<Scopes>(scope)) != 0) names.emplace_back(to_string(scope));
  }
  return names;
}

const char* to_string(Operation operation) {
  switch (operation) {
    case Operation::read_devices:
      return "read_devices";
    case Operation::read_readings:
      return "read_readings";
    case Operation::subscribe_live:
      return "subscribe_live";
    case Operation::read_executions:
      return "read_executions";
    case Operation::run_command:
      return "run_command";
    case Operation::cancel_command:
      return "cancel_command";
    case Operation::read_alerts:
      return "read_alerts";
    case Operation::acknowledge_alert:
      return "acknowledge_alert";
    case Operation::manage_alert_rules:
      return "manage_alert_rules";
    case Operation::manage_devices:
      return "manage_devices";
    case Operation::enrol_devices:
      return "enrol_devices";
    case Operation::read_users:
      return "read_users";
    case Operation::manage_users:
      return "manage_users";
    case Operation::read_hub:
      return "read_hub";
    case Operation::read_audit:
      return "read_audit";
    case Operation::stream_telemetry:
      return "stream_telemetry";
  }
  return "unknown";
}

bool sees_every_device(const Principal& who) {
  return who.role == Role::admin || std::find(who.groups.begin(), who.groups.end(), kEveryDevice) != who.groups.end();
}

Outcome<void> authorize(const Principal& who, Operation operation) {
  if (!who.device.empty()) {
    if (operation != Operation::stream_telemetry) return forbidden("A device may only send its own telemetry.");
    return {};
  }
  if (who.user.empty()) return forbidden("Sign in first.");
  const auto rule = rule_of(operation);
  if (!rule) return forbidden("Nobody may do this.");
  if (who.role < rule->least || who.role > Role::admin) {
    return forbidden(std::string("This needs the role ") + to_string(rule->least) + "; yours is " +
                     to_string(who.role) + ".");
  }
  // A person's own sign-in is no device, whatever the role.
  if (rule->scope == Scope::ingest && !who.is_token) {
    return forbidden("Only a device may do this, with its own credential, or a token with the scope ingest.");
  }
  const bool has_scope = (who.scopes & static_cast<Scopes>(rule->scope)) != 0 ||
                         (rule->scope != Scope::ingest && (who.scopes & static_cast<Scopes>(Scope::admin)) != 0);
  if (!has_scope) return forbidden(std::string("This needs a token with the scope ") + to_string(rule->scope) + ".");
  return {};
}

Outcome<void> authorize(const Principal& who, Operation operation, const DeviceId& device,
                        const GroupMembers& members) {
  if (auto allowed = authorize(who, operation); !allowed) return allowed;
  if (!who.device.empty()) {
    if (device != who.device) return forbidden("A device may only send telemetry as itself.");
    return {};
  }
  if (sees_every_device(who) || members.is_in_any(device, who.groups)) return {};
  return forbidden("This device is in none of your groups.");
}

Outcome<void> authorize(const Principal& who, Operation operation, std::span<const std::string> groups_of_device) {
  if (auto allowed = authorize(who, operation); !allowed) return allowed;
  const auto is_shared = [&who](const std::string& group) {
    return std::find(who.groups.begin(), who.groups.end(), group) != who.groups.end();
  };
  if (who.device.empty() && (sees_every_device(who) || std::ranges::any_of(groups_of_device, is_shared))) return {};
  return forbidden("This device is in none of your groups.");
}

}  // namespace hub
