// Alerts that the hub raises by itself.
#include "tests/unit/hub/alerts/alerts_fixture.h"

namespace hub {
namespace {

using Notices = AlertsFixture;
constexpr std::int64_t kHour = 3'600 * kSecond;

TEST_F(Notices, one_is_raised_kept_over_a_restart_and_ends_an_hour_after_the_last_sign) {
  const auto see = [this] { on([&] { service->notice(device, HubNotice::credential_used_twice); }); };
  see();
  see();
  ASSERT_EQ(firing().size(), 1u);
  const auto alert = firing()[0];
  EXPECT_EQ(alert.rule_name, "credential used twice");
  EXPECT_EQ(alert.severity, "critical");
  EXPECT_EQ(alert.device, device);
  EXPECT_EQ(take_published().size(), 1u);

  pass(kHour - 20 * kSecond);
  see();
  pass(30 * kSecond);
  EXPECT_EQ(firing().size(), 1u) << "the last sign counts";
  restart();
  EXPECT_TRUE(take_published().empty());
  ASSERT_EQ(firing().size(), 1u);
  see();
  EXPECT_EQ(firing()[0].id, alert.id) << "not a second one";

  pass(kHour);
  EXPECT_TRUE(firing().empty());
  ASSERT_EQ(alerts().size(), 1u);
  EXPECT_EQ(alerts()[0].resolved_us, clock.now_us());
  see();
  EXPECT_EQ(alerts().size(), 2u);
}

TEST_F(Notices, one_of_a_device_that_is_not_there_is_none) {
  on([&] { service->notice(DeviceId("d-nobody"), HubNotice::credential_used_twice); });
  EXPECT_TRUE(alerts().empty());
}

TEST_F(Notices, a_store_that_refuses_gets_it_later) {
  store->writes_until_failure = 0;
  on([&] { service->notice(device, HubNotice::credential_used_twice); });
  EXPECT_TRUE(alerts().empty());
  EXPECT_TRUE(take_published().empty());
  store->writes_until_failure = -1;
  pass(kSecond);
  EXPECT_EQ(firing().size(), 1u);
  EXPECT_EQ(take_published().size(), 1u);
}

TEST_F(Notices, rules_and_their_readings_go_on_beside_it) {
  make(hot());
  on([&] { service->notice(device, HubNotice::credential_used_twice); });
  read(0, 31);
  EXPECT_EQ(firing().size(), 2u);
  pass(30 * kSecond);
  read(31, 20);
  ASSERT_EQ(firing().size(), 1u);
  EXPECT_TRUE(firing()[0].rule.str().empty());
  EXPECT_EQ(on([&] { return service->leases(device); }).size(), 1u);
}

}  // namespace
}  // namespace hub
