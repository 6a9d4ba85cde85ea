#include <algorithm>

#include "identity_fixture.h"
#include "wire/device_certificate.h"

namespace hub {
namespace {

constexpr std::int64_t kYear_us = 365 * 24 * 60 * kMinute_us;

class DeviceCertificatesTest : public IdentityTest {
 protected:
  DeviceCertificatesTest() { begin_issuing(); }
  void begin_issuing() { identity->issue_certificates_with(ca, kYear_us); }
  void start_anew() {
    restart();
    begin_issuing();
  }
  static std::string request() {
    return wire::make_signing_request(wire::make_private_key().value(), "a device").value();
  }
  struct Enrolled {
    DeviceGrant grant;
    std::string serial;
  };
  Enrolled enrol(bool keep_token = false) {
    EnrolmentRequest wish;
    wish.keep_token = keep_token;
    const auto token = create_enrolment(wish).value().token;
    auto grant =
        answer_of<DeviceGrant>([&](auto done) { identity->redeem_enrolment(token, "", {}, done, request()); }).value();
    return {grant, wire::read_certificate_info(grant.certificate_pem).value().serial_hex};
  }
  Outcome<std::string> renew(const std::string& serial, const std::string& csr = request()) {
    return answer_of<std::string>([&](auto done) { identity->renew_certificate(serial, csr, done); });
  }
  std::string renewed(const std::string& serial) {
    return wire::read_certificate_info(renew(serial).value()).value().serial_hex;
  }
  std::optional<Principal> sign_in_with(const std::string& serial) {
    auto who = identity->device_by_certificate(serial);
    control->flush();  // the first use is stored behind the answer
    return who;
  }
  bool revoke(const DeviceId& device) {
    return answer_of<bool>([&](auto done) { identity->revoke_device(device, done); }).value();
  }

  wire::KeyAndCertificate ca = wire::make_certificate_authority("device CA").value();
};

TEST_F(DeviceCertificatesTest, enrolment_with_a_request_gives_a_certificate_of_that_device) {
  const auto [grant, serial] = enrol();
  const auto info = wire::read_certificate_info(grant.certificate_pem).value();
  EXPECT_EQ(info.common_name, grant.device.str());
  EXPECT_EQ(info.not_after_s, (clock.now_us() + kYear_us) / 1'000'000);
  EXPECT_TRUE(grant.certificate_pem.ends_with(ca.certificate_pem));
  const auto who = sign_in_with(serial);
  ASSERT_TRUE(who);
  EXPECT_EQ(who->device, grant.device);
  EXPECT_EQ(who->credential_id, serial);
  EXPECT_FALSE(who->may_only_renew);
  EXPECT_EQ(identity->refreshed(who->session_key), who);
  EXPECT_TRUE(authorize(*who, Operation::stream_telemetry));
}

TEST_F(DeviceCertificatesTest, enrolment_without_a_request_gives_a_token_only) {
  const auto grant = redeem(create_enrolment().value().token).value();
  EXPECT_TRUE(grant.certificate_pem.empty());
  EXPECT_TRUE(identity->device_by_token(grant.token));
}

TEST_F(DeviceCertificatesTest, wrong_request_does_not_use_up_the_token) {
  const auto token = create_enrolment().value().token;
  const auto refused =
      answer_of<DeviceGrant>([&](auto done) { identity->redeem_enrolment(token, "pump", {}, done, "nonsense"); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::invalid_argument);
  EXPECT_EQ(refused.error().field, "/csr");
  EXPECT_TRUE(redeem(token, "pump"));
}

TEST_F(DeviceCertificatesTest, first_use_retires_the_token_for_good) {
  const auto [grant, serial] = enrol();
  EXPECT_TRUE(identity->device_by_token(grant.token));
  EXPECT_TRUE(sign_in_with(serial));
  EXPECT_FALSE(identity->device_by_token(grant.token));
  start_anew();
  EXPECT_FALSE(identity->device_by_token(grant.token));
  EXPECT_TRUE(sign_in_with(serial));
}

TEST_F(DeviceCertificatesTest, token_stays_where_the_enrolment_says_so) {
  const auto [grant, serial] = enrol(true);
  EXPECT_TRUE(sign_in_with(serial));
  EXPECT_TRUE(identity->device_by_token(grant.token));
  start_anew();
  EXPECT_TRUE(identity->device_by_token(grant.token));
}

TEST_F(DeviceCertificatesTest, both_are_valid_until_the_new_one_is_used) {
  const auto [grant, first] = enrol();
  sign_in_with(first);
  const auto second = renewed(first);
  EXPECT_TRUE(sign_in_with(first));
  start_anew();
  EXPECT_TRUE(sign_in_with(first)) << "a rotation outlives a restart of the hub";
  EXPECT_TRUE(sign_in_with(second));
  EXPECT_FALSE(sign_in_with(first));
  start_anew();
  EXPECT_FALSE(sign_in_with(first));
  EXPECT_TRUE(sign_in_with(second));
}

TEST_F(DeviceCertificatesTest, one_that_was_never_used_goes_with_the_next_renewal) {
  const auto [grant, first] = enrol();
  sign_in_with(first);
  const auto lost = renewed(first);  // the device crashed before it kept it
  const auto second = renewed(first);
  EXPECT_FALSE(sign_in_with(lost));
  EXPECT_TRUE(sign_in_with(first));
  EXPECT_TRUE(sign_in_with(second));
  start_anew();
  EXPECT_FALSE(sign_in_with(lost));
}

TEST_F(DeviceCertificatesTest, expired_one_may_only_renew_and_for_a_year) {
  const auto [grant, first] = enrol();
  clock.advance(kYear_us);
  const auto who = sign_in_with(first);
  ASSERT_TRUE(who);
  EXPECT_TRUE(who->may_only_renew);
  EXPECT_TRUE(identity->device_by_token(grant.token)) << "that was no use";
  const auto second = renewed(first);
  const auto now = sign_in_with(second);
  ASSERT_TRUE(now);
  EXPECT_FALSE(now->may_only_renew);
  EXPECT_FALSE(identity->device_by_token(grant.token)) << "the successor retires it in its place";

  clock.advance(2 * kYear_us);
  EXPECT_FALSE(sign_in_with(second));
  const auto refused = renew(second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unauthenticated);
}

TEST_F(DeviceCertificatesTest, revocation_ends_certificates_and_tokens) {
  const auto [grant, first] = enrol(true);
  sign_in_with(first);
  const auto second = renewed(first);
  EXPECT_TRUE(revoke(grant.device));
  EXPECT_THAT(revoked, ::testing::ElementsAre(grant.device));
  for (int round = 0; round < 2; ++round) {
    EXPECT_FALSE(sign_in_with(first));
    EXPECT_FALSE(sign_in_with(second));
    EXPECT_FALSE(identity->device_by_token(grant.token));
    EXPECT_FALSE(renew(first));
    start_anew();
  }
  EXPECT_FALSE(revoke(grant.device));
}

TEST_F(DeviceCertificatesTest, device_that_is_removed_leaves_none) {
  const auto [grant, serial] = enrol();
  EXPECT_TRUE(files.devices->remove_device(grant.device, clock.now_us()));
  EXPECT_TRUE(files.credentials->load_certificates().value().empty());
}

TEST_F(DeviceCertificatesTest, unknown_ones_are_nobody) {
  EXPECT_FALSE(sign_in_with(""));
  EXPECT_FALSE(sign_in_with(std::string(32, 'a')));
  EXPECT_FALSE(identity->refreshed("certificate " + std::string(32, 'a')));
  EXPECT_FALSE(renew(std::string(32, 'a')));
}

TEST_F(DeviceCertificatesTest, renewal_needs_a_request_that_is_right) {
  const auto [grant, serial] = enrol();
  const auto refused = renew(serial, "nonsense");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::invalid_argument);
  EXPECT_TRUE(sign_in_with(serial));
}

}  // namespace
}  // namespace hub
