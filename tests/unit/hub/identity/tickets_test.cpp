// One connection for a client that can send no header.
#include "tests/unit/hub/identity/identity_fixture.h"

namespace hub {
namespace {

class IdentityTickets : public IdentityTest {
 protected:
  SessionGrant signed_in(const std::string& name) {
    EXPECT_TRUE(put_user(name, Role::viewer));
    return sign_in(name, kPassword).value();
  }
};

TEST_F(IdentityTickets, one_opens_one_connection_in_the_name_of_its_credential) {
  const auto grant = signed_in("ann");
  const auto made = identity->make_ticket(grant.principal);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->expires_us, clock.now_us() + 30'000'000);
  EXPECT_EQ(identity->use_ticket(made->ticket), grant.principal);
  EXPECT_FALSE(identity->use_ticket(made->ticket)) << "used up";
  EXPECT_FALSE(identity->use_ticket(""));
  EXPECT_FALSE(identity->use_ticket(grant.cookie_token)) << "a cookie is no ticket";
  EXPECT_FALSE(identity->session(identity->make_ticket(grant.principal)->ticket)) << "nor a ticket a cookie";
}

TEST_F(IdentityTickets, one_ends_after_half_a_minute_and_with_its_credential) {
  const auto grant = signed_in("ann");
  const auto late = identity->make_ticket(grant.principal).value();
  clock.advance(30'000'000);
  EXPECT_FALSE(identity->use_ticket(late.ticket));
  const auto orphan = identity->make_ticket(grant.principal).value();
  identity->sign_out(grant.cookie_token);
  EXPECT_FALSE(identity->use_ticket(orphan.ticket));
}

TEST_F(IdentityTickets, nobody_crowds_out_the_others_and_what_is_old_makes_room) {
  const auto ann = signed_in("ann"), bob = signed_in("bob");
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(identity->make_ticket(ann.principal));
  EXPECT_EQ(identity->make_ticket(ann.principal).error().code, errc::rate_limited);
  EXPECT_TRUE(identity->make_ticket(bob.principal));
  clock.advance(30'000'000);
  EXPECT_TRUE(identity->make_ticket(ann.principal));
}

}  // namespace
}  // namespace hub
