#include "hub/identity/principal.h"

#include <gtest/gtest.h>

namespace hub {
namespace {

Principal user(Role role) {
  return {UserId("u1"), "ann", role, DeviceId{}, "key"};
}
Principal device() {
  return {UserId{}, "d1", Role::viewer, DeviceId("d1"), "key"};
}

// Every operation with who may: viewer, operator, admin, device (as itself).
struct Row {
  Operation operation;
  bool viewer, operator_, admin, device;
};
constexpr Row kMatrix[] = {
    {Operation::read_devices, true, true, true, false},        {Operation::read_readings, true, true, true, false},
    {Operation::subscribe_live, true, true, true, false},      {Operation::read_executions, true, true, true, false},
    {Operation::run_command, false, true, true, false},        {Operation::cancel_command, false, true, true, false},
    {Operation::read_alerts, true, true, true, false},         {Operation::acknowledge_alert, false, true, true, false},
    {Operation::manage_alert_rules, false, true, true, false}, {Operation::manage_devices, false, false, true, false},
    {Operation::enrol_devices, false, false, true, false},     {Operation::read_users, false, false, true, false},
    {Operation::manage_users, false, false, true, false},      {Operation::read_hub, true, true, true, false},
    {Operation::read_audit, false, false, true, false},        {Operation::stream_telemetry, false, false, false, true},
};

TEST(Authorize, every_role_may_do_what_the_matrix_says) {
  ASSERT_EQ(std::size(kMatrix), static_cast<std::size_t>(Operation::stream_telemetry) + 1);
  for (const auto& row : kMatrix) {
    SCOPED_TRACE(static_cast<int>(row.operation));
    for (const auto& object : {DeviceId{}, DeviceId("d1")}) {
      EXPECT_EQ(authorize(user(Role::viewer), row.operation, object).has_value(), row.viewer);
      EXPECT_EQ(authorize(user(Role::operator_), row.operation, object).has_value(), row.operator_);
      EXPECT_EQ(authorize(user(Role::admin), row.operation, object).has_value(), row.admin);
      EXPECT_EQ(authorize(device(), row.operation, object).has_value(), row.device);
    }
    EXPECT_FALSE(authorize(Principal{}, row.operation));
    EXPECT_FALSE(authorize(user(static_cast<Role>(0)), row.operation));
    EXPECT_FALSE(authorize(user(static_cast<Role>(9)), row.operation));
    EXPECT_FALSE(authorize(device(), row.operation, DeviceId("d2")));
  }
}

TEST(Authorize, device_stays_a_device_whatever_role_it_carries) {
  auto posing = device();
  posing.role = Role::admin;
  posing.user = UserId("u1");
  EXPECT_FALSE(authorize(posing, Operation::read_devices));
}

TEST(Authorize, refusal_is_forbidden_and_says_why) {
  const auto refused = authorize(user(Role::viewer), Operation::run_command);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::forbidden);
  EXPECT_NE(refused.error().detail.find("operator"), std::string::npos);
}

TEST(Roles, names_go_both_ways) {
  for (const auto role : {Role::viewer, Role::operator_, Role::admin}) EXPECT_EQ(role_from(to_string(role)), role);
  EXPECT_FALSE(role_from("root"));
  EXPECT_FALSE(role_from(""));
}

}  // namespace
}  // namespace hub
