// Who may read /metrics.
#include <gtest/gtest.h>

#include "hub/web/hub_routes.h"

namespace hub::web {
namespace {

Outcome<Principal> nobody() {
  return Problem{errc::unauthenticated, "sign in", ""};
}

TEST(MetricsAccess, this_machine_needs_no_credential) {
  for (const char* address : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(may_read_metrics(address, nobody)) << address;
  }
}

TEST(MetricsAccess, others_need_one_that_may_read_the_hub) {
  for (const char* address : {"192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7", "", "no address"}) {
    EXPECT_EQ(may_read_metrics(address, nobody).error().code, errc::unauthenticated) << address;
    Principal who;
    who.user = UserId("u1");
    who.name = "prometheus";
    who.is_token = true;
    who.scopes = static_cast<Scopes>(Scope::ingest);
    EXPECT_EQ(may_read_metrics(address, [&] { return Outcome<Principal>(who); }).error().code, errc::forbidden);
    who.scopes = static_cast<Scopes>(Scope::read);
    EXPECT_TRUE(may_read_metrics(address, [&] { return Outcome<Principal>(who); })) << address;
  }
}

}  // namespace
}  // namespace hub::web
