#include "hub/identity/principal.h"

#include <gtest/gtest.h>

#include <map>

namespace hub {
namespace {

/// kitchen is in the group house, shed in none.
class TwoDevices final : public GroupMembers {
 public:
  bool is_in_any(const DeviceId& device, std::span<const std::string> groups) const override {
    return device == DeviceId("kitchen") && std::ranges::find(groups, "house") != groups.end();
  }
};
const TwoDevices kMembers;
const DeviceId kKitchen("kitchen"), kShed("shed"), kRemoved("removed");

Principal user(Role role, std::vector<std::string> groups = {kEveryDevice}) {
  return {UserId("u1"), "ann", role, DeviceId{}, "key", std::move(groups)};
}
Principal token(Role role, Scopes scopes) {
  return {UserId("u1"), "ann", role, DeviceId{}, "key", {kEveryDevice}, scopes, true};
}
Principal device() {
  return {UserId{}, "d1", Role::viewer, kKitchen, "key"};
}

struct Row {
  Operation operation;
  bool viewer, operator_, admin, device;
  Scope scope;
};
constexpr Row kMatrix[] = {
    {Operation::read_devices, true, true, true, false, Scope::read},
    {Operation::read_readings, true, true, true, false, Scope::read},
    {Operation::subscribe_live, true, true, true, false, Scope::read},
    {Operation::read_executions, true, true, true, false, Scope::read},
    {Operation::run_command, false, true, true, false, Scope::command},
    {Operation::cancel_command, false, true, true, false, Scope::command},
    {Operation::read_alerts, true, true, true, false, Scope::read},
    {Operation::acknowledge_alert, false, true, true, false, Scope::command},
    {Operation::manage_alert_rules, false, true, true, false, Scope::admin},
    {Operation::manage_devices, false, false, true, false, Scope::admin},
    {Operation::enrol_devices, false, false, true, false, Scope::admin},
    {Operation::read_users, false, false, true, false, Scope::admin},
    {Operation::manage_users, false, false, true, false, Scope::admin},
    {Operation::read_hub, true, true, true, false, Scope::read},
    {Operation::read_audit, false, false, true, false, Scope::admin},
    {Operation::stream_telemetry, false, false, false, true, Scope::ingest},
};
bool may(const Row& row, Role role) {
  if (role == Role::viewer) return row.viewer;
  return role == Role::operator_ ? row.operator_ : row.admin;
}

TEST(Authorize, the_matrix_has_every_operation) {
  std::map<Operation, int> rows;
  for (const auto& row : kMatrix) ++rows[row.operation];
  for (int i = 0; i <= static_cast<int>(kLastOperation); ++i) EXPECT_EQ(rows[static_cast<Operation>(i)], 1) << i;
}

TEST(Authorize, every_role_may_do_what_the_matrix_says_to_what_its_groups_show) {
  for (const auto& row : kMatrix) {
    SCOPED_TRACE(to_string(row.operation));
    for (const auto role : {Role::viewer, Role::operator_, Role::admin}) {
      const bool allowed = may(row, role), is_admin = role == Role::admin;
      // About no device: a list, or the hub.
      for (const auto& groups : {std::vector<std::string>{kEveryDevice}, {"house"}, {"house", "yard"}, {}}) {
        EXPECT_EQ(authorize(user(role, groups), row.operation).has_value(), allowed);
      }
      const auto on = [&](std::vector<std::string> groups, const DeviceId& object) {
        return authorize(user(role, std::move(groups)), row.operation, object, kMembers).has_value();
      };
      for (const auto& object : {kKitchen, kShed, kRemoved}) EXPECT_EQ(on({kEveryDevice}, object), allowed);
      EXPECT_EQ(on({"house"}, kKitchen), allowed);
      EXPECT_EQ(on({"yard", "house"}, kKitchen), allowed);
      for (const auto& object : {kShed, kRemoved, DeviceId{}}) EXPECT_EQ(on({"house"}, object), allowed && is_admin);
      for (const auto& groups : {std::vector<std::string>{}, {"yard"}, {""}}) {
        EXPECT_EQ(on(groups, kKitchen), allowed && is_admin);
      }
      // By the groups that a removed device was in.
      const std::vector<std::string> was_in{"house"}, was_in_none;
      EXPECT_EQ(authorize(user(role, {"house"}), row.operation, was_in).has_value(), allowed);
      EXPECT_EQ(authorize(user(role, {"yard"}), row.operation, was_in).has_value(), allowed && is_admin);
      EXPECT_EQ(authorize(user(role, {"house"}), row.operation, was_in_none).has_value(), allowed && is_admin);
    }
    EXPECT_EQ(authorize(device(), row.operation).has_value(), row.device);
    EXPECT_EQ(authorize(device(), row.operation, kKitchen, kMembers).has_value(), row.device);
    EXPECT_FALSE(authorize(device(), row.operation, kShed, kMembers));
    EXPECT_FALSE(authorize(Principal{}, row.operation));
    EXPECT_FALSE(authorize(user(static_cast<Role>(0)), row.operation));
    EXPECT_FALSE(authorize(user(static_cast<Role>(9)), row.operation));
  }
}

TEST(Authorize, a_token_may_what_its_scopes_and_its_user_may) {
  for (const auto& row : kMatrix) {
    SCOPED_TRACE(to_string(row.operation));
    for (const auto role : {Role::viewer, Role::operator_, Role::admin}) {
      // For ingest, what a user needs is the operator's role; no person does it in a session.
      const bool user_may = row.scope == Scope::ingest ? role >= Role::operator_ : may(row, role);
      for (Scopes scopes = 0; scopes <= kEveryScope; ++scopes) {
        const bool named = (scopes & static_cast<Scopes>(row.scope)) != 0;
        const bool by_admin = row.scope != Scope::ingest && (scopes & static_cast<Scopes>(Scope::admin)) != 0;
        EXPECT_EQ(authorize(token(role, scopes), row.operation).has_value(), user_may && (named || by_admin))
            << to_string(role) << " " << int{scopes};
      }
    }
  }
}

TEST(Authorize, device_stays_a_device_whatever_role_it_carries) {
  auto posing = device();
  posing.role = Role::admin;
  posing.user = UserId("u1");
  EXPECT_FALSE(authorize(posing, Operation::read_devices));
  EXPECT_FALSE(authorize(posing, Operation::read_devices, kKitchen, kMembers));
}

TEST(Authorize, refusal_is_forbidden_and_says_why) {
  const auto refused = authorize(user(Role::viewer), Operation::run_command);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::forbidden);
  EXPECT_NE(refused.error().detail.find("operator"), std::string::npos);
  const auto unscoped = authorize(token(Role::admin, static_cast<Scopes>(Scope::read)), Operation::run_command);
  ASSERT_FALSE(unscoped);
  EXPECT_NE(unscoped.error().detail.find("scope command"), std::string::npos);
}

TEST(Roles, names_go_both_ways) {
  for (const auto role : {Role::viewer, Role::operator_, Role::admin}) EXPECT_EQ(role_from(to_string(role)), role);
  EXPECT_FALSE(role_from("root"));
  EXPECT_FALSE(role_from(""));
  for (const auto scope : {Scope::read, Scope::ingest, Scope::command, Scope::admin}) {
    EXPECT_EQ(scope_from(to_string(scope)), scope);
  }
  EXPECT_FALSE(scope_from("write"));
  EXPECT_EQ(scope_names(5), (std::vector<std::string>{"read", "command"}));
}

}  // namespace
}  // namespace hub
