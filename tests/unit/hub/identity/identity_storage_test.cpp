// A store that cannot write: nothing is granted, nothing is forgotten.
#include <gtest/gtest.h>

#include "hub/identity/identity.h"
#include "tests/fakes/hub_fixture.h"

namespace hub {
namespace {

using fakes::answer_of;

class IdentityStorage : public ::testing::Test {
 protected:
  ~IdentityStorage() override { control.flush(); }
  // Another connection holds the file's write lock, so every write here fails once SQLite stops waiting.
  void stop_writing() {
    blocker = sqlite::Database::open(files.path()).value();
    ASSERT_TRUE(blocker.execute("BEGIN IMMEDIATE"));
    control.post([this] { sqlite3_busy_timeout(files.db->connection().native(), 0); });
    control.flush();
  }
  void resume_writing() { ASSERT_TRUE(blocker.execute("ROLLBACK")); }

  fakes::HubFiles files;
  fakes::ManualClock clock;
  base::SystemRandom random;
  sqlite::Database blocker;
  base::Worker control{"control"};
  Identity identity{*files.credentials, control, clock, random};
};

TEST_F(IdentityStorage, nothing_is_granted_that_is_not_stored) {
  int created = 0;
  identity.on_device_created([&](const DeviceRecord&) { ++created; });
  ASSERT_TRUE(answer_of<UserId>([&](auto done) { identity.put_user("ann", "correct horse", Role::admin, {}, done); }));
  const auto enrolment = answer_of<Enrolment>([&](auto done) { identity.create_enrolment({}, done); }).value();
  const auto device = answer_of<DeviceGrant>([&](auto done) { identity.create_device("pump", {}, done); }).value();
  stop_writing();

  EXPECT_FALSE(
      answer_of<SessionGrant>([&](auto done) { identity.sign_in("ann", "correct horse", "192.0.2.1", done); }));
  EXPECT_FALSE(answer_of<UserId>([&](auto done) { identity.put_user("bob", "correct horse", Role::admin, {}, done); }));
  EXPECT_FALSE(answer_of<bool>([&](auto done) { identity.revoke_device(device.device, done); }));
  const auto refused =
      answer_of<DeviceGrant>([&](auto done) { identity.redeem_enrolment(enrolment.token, "two", {}, done); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::storage_failed);
  EXPECT_EQ(created, 1);
  EXPECT_EQ(identity.users().size(), 1u);
  EXPECT_TRUE(identity.device_by_token(device.token));

  resume_writing();
  EXPECT_TRUE(answer_of<DeviceGrant>([&](auto done) { identity.redeem_enrolment(enrolment.token, "two", {}, done); }));
  EXPECT_EQ(created, 2);
}

TEST_F(IdentityStorage, set_up_that_could_not_be_stored_may_be_tried_again) {
  const auto code = identity.setup_code();
  const auto set_up = [&] {
    return answer_of<SessionGrant>(
        [&](auto done) { identity.set_up(code, "ann", "correct horse", "192.0.2.1", done); });
  };
  stop_writing();
  EXPECT_FALSE(set_up());
  EXPECT_TRUE(identity.needs_setup());
  resume_writing();
  EXPECT_TRUE(set_up());
}

}  // namespace
}  // namespace hub
