#include "hub/identity/attempt_limits.h"

#include <gtest/gtest.h>

#include "tests/fakes/manual_clock.h"

namespace hub {
namespace {

using Verdict = AttemptLimits::Verdict;
constexpr std::int64_t kSecond_us = 1'000'000;

TEST(AttemptLimits, guessing_from_one_address_is_refused_and_comes_back_slowly) {
  fakes::ManualClock clock;
  AttemptLimits limits(clock);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(limits.sign_in("ann", "192.0.2.1"), Verdict::go);
  EXPECT_EQ(limits.sign_in("ann", "192.0.2.1"), Verdict::refuse);
  EXPECT_EQ(limits.sign_in("ann", "192.0.2.2"), Verdict::go);  // the owner, elsewhere
  clock.advance(6 * kSecond_us);
  EXPECT_EQ(limits.sign_in("ann", "192.0.2.1"), Verdict::go);
  EXPECT_EQ(limits.sign_in("ann", "192.0.2.1"), Verdict::refuse);
}

TEST(AttemptLimits, success_costs_nothing) {
  fakes::ManualClock clock;
  AttemptLimits limits(clock);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(limits.sign_in("ann", "192.0.2.1"), Verdict::go) << i;
    limits.signed_in("ann", "192.0.2.1");
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(limits.sign_in("ann", "192.0.2.1"), Verdict::go);
  EXPECT_EQ(limits.sign_in("ann", "192.0.2.1"), Verdict::refuse);
}

TEST(AttemptLimits, one_address_cannot_try_many_accounts) {
  fakes::ManualClock clock;
  AttemptLimits limits(clock);
  int allowed = 0;
  for (int i = 0; i < 100; ++i) {
    allowed += limits.sign_in("user" + std::to_string(i), "192.0.2.1") != Verdict::refuse;
  }
  EXPECT_EQ(allowed, 30);
}

TEST(AttemptLimits, many_addresses_slow_an_account_but_not_its_owner) {
  fakes::ManualClock clock;
  AttemptLimits limits(clock);
  limits.signed_in("ann", "198.51.100.9");
  for (int i = 0; i < 60; ++i) limits.sign_in("ann", "192.0.2." + std::to_string(i));
  EXPECT_EQ(limits.sign_in("ann", "203.0.113.1"), Verdict::slow);
  EXPECT_EQ(limits.sign_in("ann", "198.51.100.9"), Verdict::go);
  EXPECT_EQ(limits.sign_in("bob", "203.0.113.1"), Verdict::go);
}

TEST(AttemptLimits, set_up_is_limited_by_address) {
  fakes::ManualClock clock;
  AttemptLimits limits(clock);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(limits.set_up("192.0.2.1"));
  EXPECT_FALSE(limits.set_up("192.0.2.1"));
  EXPECT_TRUE(limits.set_up("192.0.2.2"));
}

TEST(AddressKey, port_and_form_do_not_matter) {
  EXPECT_EQ(address_key("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(address_key("192.0.2.7:4711"), "192.0.2.7");
  EXPECT_EQ(address_key("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(address_key("[::ffff:192.0.2.7]:4711"), "192.0.2.7");
  EXPECT_EQ(address_key("2001:db8:0:1::5"), address_key("[2001:db8:0:1:ffff::9]:443"));
  EXPECT_NE(address_key("2001:db8:0:1::5"), address_key("2001:db8:0:2::5"));
  EXPECT_EQ(address_key(""), "");
  EXPECT_EQ(address_key("["), address_key("["));
  EXPECT_LE(address_key(std::string(1000, 'x')).size(), 64u);
}

}  // namespace
}  // namespace hub
