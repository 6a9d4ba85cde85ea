#include "device-agent/link/credential_keeper.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>
#include <vector>

#include "tests/fakes/device_certificates.h"
#include "tests/fakes/manual_clock.h"
#include "wire/tls_context.h"

namespace agent {
namespace {

namespace pb = telemetry::v1;

constexpr std::int64_t kDayS = 86'400, kSecondUs = 1'000'000;
constexpr std::int64_t kIssuedS = 1'700'000'000, kEndS = kIssuedS + 90 * kDayS;

pb::Welcome welcome_at(std::int64_t hub_s) {
  pb::Welcome welcome;
  welcome.set_server_time_us(static_cast<double>(hub_s) * 1e6);
  return welcome;
}

class CredentialKeeperTest : public ::testing::Test {
 protected:
  CredentialKeeperTest() {
    credential.host = "hub.test";
    credential.device_id = "d-1";
    credential.ca_pem = fakes::test_ca("hub CA").certificate_pem;
    const auto own = fakes::device_certificate("d-1", kIssuedS, kEndS);
    credential.key_pem = own.key_pem;
    credential.certificate_pem = own.certificate_pem;
    credential.time_floor_us = kIssuedS * kSecondUs;
  }
  static std::string issued_for(const std::string& request, std::int64_t from_s, std::int64_t until_s) {
    return wire::sign_device_certificate(fakes::test_ca("device CA"), request, "d-1", from_s, until_s).value();
  }
  CredentialKeeper make() {
    const auto save = [this](const Credential& changed) {
      if (disk_full) return base::Result<void>(base::error_code(ENOSPC, boost::system::system_category()));
      saved.push_back(changed);
      return base::Result<void>();
    };
    return CredentialKeeper(credential, save, clock, log);
  }

  fakes::ManualClock clock;
  std::ostringstream logged;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(logged));
  Credential credential;
  std::vector<Credential> saved;
  bool disk_full = false;
};

TEST_F(CredentialKeeperTest, a_certificate_is_renewed_when_two_thirds_of_it_are_over_by_the_hub_s_clock) {
  clock.set_wall(0);  // this machine's says nothing
  CredentialKeeper keeper = make();
  EXPECT_FALSE(keeper.due()) << "the hub has told no time yet";
  keeper.welcomed(welcome_at(kIssuedS + 60 * kDayS - 10));
  EXPECT_FALSE(keeper.due());
  clock.advance(11 * kSecondUs);
  const auto request = keeper.due();
  ASSERT_TRUE(request);
  EXPECT_FALSE(keeper.due()) << "one is under way";

  pb::RenewedCertificate answer;
  answer.set_certificate_pem(issued_for(request->csr_der(), kIssuedS + 60 * kDayS, kIssuedS + 150 * kDayS));
  saved.clear();
  keeper.renewed(answer);
  ASSERT_EQ(saved.size(), 1u);
  EXPECT_EQ(saved[0].certificate_pem, answer.certificate_pem());
  EXPECT_TRUE(wire::key_fits_certificate(saved[0].key_pem, saved[0].certificate_pem));
  EXPECT_NE(saved[0].key_pem, credential.key_pem) << "a new key each time";
  EXPECT_EQ(keeper.current().certificate_pem, answer.certificate_pem());
  EXPECT_FALSE(keeper.due());
  keeper.welcomed(welcome_at(kIssuedS + 121 * kDayS));
  EXPECT_TRUE(keeper.due()) << "the next one by its own dates";
}

TEST_F(CredentialKeeperTest, what_the_hub_refuses_or_what_does_not_fit_is_asked_for_again_in_an_hour) {
  CredentialKeeper keeper = make();
  keeper.welcomed(welcome_at(kEndS - kDayS));
  saved.clear();
  pb::RenewedCertificate refused;
  refused.set_problem("the clock is wrong");
  pb::RenewedCertificate foreign;
  foreign.set_certificate_pem(credential.certificate_pem);
  for (const auto& answer : {refused, foreign}) {
    ASSERT_TRUE(keeper.due());
    keeper.renewed(answer);
    EXPECT_FALSE(keeper.due());
    clock.advance(3'600 * kSecondUs);
  }
  EXPECT_NE(logged.str().find("the clock is wrong"), std::string::npos);
  EXPECT_NE(logged.str().find("does not fit the key"), std::string::npos);
  EXPECT_TRUE(saved.empty());
  EXPECT_EQ(keeper.current().certificate_pem, credential.certificate_pem);
}

TEST_F(CredentialKeeperTest, an_answer_lost_with_its_connection_is_asked_for_again) {
  CredentialKeeper keeper = make();
  keeper.welcomed(welcome_at(kEndS - kDayS));
  const auto lost = keeper.due();
  ASSERT_TRUE(lost);
  keeper.disconnected();
  pb::RenewedCertificate late;
  late.set_certificate_pem(issued_for(lost->csr_der(), kIssuedS, kEndS + kDayS));
  keeper.renewed(late);
  EXPECT_NE(logged.str().find("not asked for"), std::string::npos);
  clock.advance(3'600 * kSecondUs);
  EXPECT_TRUE(keeper.due());
}

TEST_F(CredentialKeeperTest, what_cannot_be_saved_is_not_used) {
  CredentialKeeper keeper = make();
  keeper.welcomed(welcome_at(kEndS - kDayS));
  const auto request = keeper.due();
  ASSERT_TRUE(request);
  disk_full = true;
  pb::RenewedCertificate answer;
  answer.set_certificate_pem(issued_for(request->csr_der(), kEndS, kEndS + kDayS));
  keeper.renewed(answer);
  EXPECT_EQ(keeper.current().certificate_pem, credential.certificate_pem);
  EXPECT_NE(logged.str().find("cannot save the renewed certificate"), std::string::npos);
  clock.advance(3'600 * kSecondUs);
  EXPECT_TRUE(keeper.due());
}

TEST_F(CredentialKeeperTest, a_token_is_never_renewed) {
  credential.certificate_pem.clear();
  credential.key_pem.clear();
  credential.token = "secret";
  CredentialKeeper keeper = make();
  keeper.welcomed(welcome_at(kEndS + 1'000 * kDayS));
  EXPECT_FALSE(keeper.due());
  EXPECT_FALSE(keeper.request());
}

TEST_F(CredentialKeeperTest, the_hub_s_time_raises_the_floor_once_a_day) {
  CredentialKeeper keeper = make();
  keeper.welcomed(welcome_at(kIssuedS + kDayS - 1));
  EXPECT_TRUE(saved.empty()) << "an SD card is spared";
  keeper.welcomed(welcome_at(kIssuedS + kDayS));
  ASSERT_EQ(saved.size(), 1u);
  EXPECT_EQ(saved[0].time_floor_us, (kIssuedS + kDayS) * kSecondUs);
  keeper.welcomed(welcome_at(kIssuedS - 50 * kDayS));
  pb::Welcome nonsense;
  nonsense.set_server_time_us(1e300);
  keeper.welcomed(nonsense);
  EXPECT_EQ(saved.size(), 1u) << "never down, never nonsense";
}

TEST_F(CredentialKeeperTest, a_clock_that_is_not_synchronised_is_not_asked) {
  CredentialKeeper keeper = make();
  EXPECT_EQ(keeper.handshake_time().verify_at_s, 0) << "now";
  EXPECT_FALSE(keeper.handshake_time().accept_not_yet_valid);
  clock.set_synchronised(false);
  clock.set_wall(0);
  EXPECT_EQ(keeper.handshake_time().verify_at_s, kIssuedS);
  EXPECT_TRUE(keeper.handshake_time().accept_not_yet_valid);
}

TEST_F(CredentialKeeperTest, the_hub_s_new_bundle_replaces_the_old_one) {
  CredentialKeeper keeper = make();
  EXPECT_EQ(keeper.ca_bundle_sha256(), wire::sha256(credential.ca_pem));
  pb::Welcome welcome = welcome_at(kIssuedS);
  welcome.set_ca_bundle_pem("no certificate");
  keeper.welcomed(welcome);
  welcome.set_ca_bundle_pem(std::string(70'000, '\n') + credential.ca_pem);
  keeper.welcomed(welcome);
  EXPECT_TRUE(saved.empty());
  EXPECT_NE(logged.str().find("CA bundle"), std::string::npos);
  welcome.set_ca_bundle_pem(credential.ca_pem + fakes::test_ca("the next hub CA").certificate_pem);
  keeper.welcomed(welcome);
  keeper.welcomed(welcome);
  ASSERT_EQ(saved.size(), 1u);
  EXPECT_EQ(keeper.current().ca_pem, welcome.ca_bundle_pem());
  EXPECT_EQ(keeper.ca_bundle_sha256(), wire::sha256(welcome.ca_bundle_pem()));
}

}  // namespace
}  // namespace agent
