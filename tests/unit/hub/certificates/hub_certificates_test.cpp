#include "hub/certificates/hub_certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "hub/core/text_file.h"
#include "tests/fakes/temp_folder.h"
#include "wire/device_certificate.h"

namespace hub {
namespace {

using testing::Contains;
using testing::HasSubstr;

TEST(Certificates, the_authority_is_made_once_and_the_server_follows_its_names) {
  const fakes::TempFolder temp;
  const std::string tls = temp.path() + "/tls";
  const auto now_us = base::SystemClock().now_us();
  const auto first = open_certificates(tls, "ab", {"hub-ab", "localhost", "127.0.0.1"}, now_us);
  ASSERT_TRUE(first) << first.error().detail;
  EXPECT_TRUE(first->issued);
  EXPECT_TRUE(first->chain_pem.ends_with(first->ca_pem));
  EXPECT_EQ(first->ca_sha256_hex.size(), 64u);
  struct stat status {};
  for (const auto* secret : {"/ca.key", "/server.key"}) {
    ASSERT_EQ(::stat((tls + secret).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u) << secret;
  }

  const auto again = open_certificates(tls, "ab", {"hub-ab", "localhost", "127.0.0.1"}, now_us);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->issued);
  EXPECT_EQ(again->chain_pem, first->chain_pem);

  const auto renamed = open_certificates(tls, "ab", {"hub-ab", "hub.example"}, now_us);
  ASSERT_TRUE(renamed);
  EXPECT_TRUE(renamed->issued);
  EXPECT_EQ(renamed->ca_pem, first->ca_pem);

  const auto late = open_certificates(tls, "ab", {"hub-ab", "hub.example"}, now_us + 380 * 86'400'000'000LL);
  ASSERT_TRUE(late);
  EXPECT_TRUE(late->issued) << "less than 30 days were left";
  EXPECT_EQ(late->ca_sha256_hex, first->ca_sha256_hex);
}

TEST(Certificates, a_torn_pair_is_made_again_but_a_lost_authority_is_not) {
  const fakes::TempFolder temp;
  const std::string tls = temp.path() + "/tls";
  const auto now_us = base::SystemClock().now_us();
  const auto first = open_certificates(tls, "ab", {"localhost"}, now_us);
  ASSERT_TRUE(first);
  std::ofstream(tls + "/server.key") << "no key";
  const auto healed = open_certificates(tls, "ab", {"localhost"}, now_us);
  ASSERT_TRUE(healed) << healed.error().detail;
  EXPECT_TRUE(healed->issued);
  EXPECT_TRUE(wire::ServerTls::from_pem(healed->chain_pem, healed->key_pem));

  std::filesystem::remove(tls + "/ca.key");
  const auto lost = open_certificates(tls, "ab", {"localhost"}, now_us);
  ASSERT_FALSE(lost);
  EXPECT_THAT(lost.error().detail, HasSubstr("ca.key"));
  EXPECT_EQ(read_text_file(tls + "/ca.pem"), first->ca_pem) << "devices trust it";
}

TEST(Certificates, name_this_machine_and_the_public_host) {
  const auto names = server_names("ab", "machine", "hub.example");
  for (const auto* name : {"hub-ab", "machine", "localhost", "127.0.0.1", "::1", "hub.example"})
    EXPECT_THAT(names, Contains(name));
  EXPECT_TRUE(std::ranges::is_sorted(names));
}

constexpr std::int64_t kDayUs = 86'400'000'000LL, kYearUs = 365 * kDayUs;

TEST(Certificates, a_successor_is_known_a_year_before_it_signs) {
  const fakes::TempFolder temp;
  const std::string tls = temp.path() + "/tls";
  const auto start_us = base::SystemClock().now_us();
  const auto at = [&](std::int64_t us) {
    const auto opened = open_certificates(tls, "ab", {"localhost"}, start_us + us);
    EXPECT_TRUE(opened) << opened.error().detail;
    return opened ? *opened : HubCertificates();
  };
  const auto first = at(0);
  EXPECT_EQ(first.ca_bundle_pem, first.ca_pem);
  EXPECT_EQ(at(8 * kYearUs).ca_bundle_pem, first.ca_bundle_pem) << "two years are left";

  const auto known = at(9 * kYearUs);
  EXPECT_TRUE(known.ca_bundle_pem.starts_with(first.ca_pem));
  EXPECT_GT(known.ca_bundle_pem.size(), first.ca_pem.size() + 300);
  EXPECT_EQ(known.ca_sha256_hex, first.ca_sha256_hex) << "the first still signs";
  EXPECT_NE(known.device_ca.certificate_pem, first.device_ca.certificate_pem) << "the hub knows its own at once";
  EXPECT_TRUE(known.device_ca_bundle_pem.starts_with(first.device_ca.certificate_pem));
  EXPECT_TRUE(known.device_ca_bundle_pem.ends_with(known.device_ca.certificate_pem));
  EXPECT_EQ(at(9 * kYearUs).ca_bundle_pem, known.ca_bundle_pem) << "one successor, not one at each look";

  const auto handed_over = at(9 * kYearUs + 200 * kDayUs);
  EXPECT_TRUE(handed_over.issued);
  EXPECT_NE(handed_over.ca_sha256_hex, first.ca_sha256_hex);
  EXPECT_EQ(handed_over.ca_bundle_pem, known.ca_bundle_pem) << "nothing new to tell the devices";
  EXPECT_TRUE(handed_over.chain_pem.ends_with(handed_over.ca_pem));
  const auto second = wire::read_certificate_info(handed_over.ca_pem);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->common_name, "Telemetry Hub CA ab 2");
}

TEST(Certificates, a_successor_that_nobody_has_heard_of_waits_a_month) {
  const fakes::TempFolder temp;
  const std::string tls = temp.path() + "/tls";
  const auto start_us = base::SystemClock().now_us();
  const auto at = [&](std::int64_t us) { return open_certificates(tls, "ab", {"localhost"}, start_us + us).value(); };
  const auto first = at(0);
  const auto woken_us = 10 * kYearUs - 100 * kDayUs;  // switched off for nine years and some
  EXPECT_EQ(at(woken_us).ca_sha256_hex, first.ca_sha256_hex);
  EXPECT_EQ(at(woken_us + 28 * kDayUs).ca_sha256_hex, first.ca_sha256_hex);
  EXPECT_NE(at(woken_us + 30 * kDayUs).ca_sha256_hex, first.ca_sha256_hex);
}

TEST(Certificates, a_server_certificate_that_has_not_begun_is_made_again) {
  const fakes::TempFolder temp;
  const std::string tls = temp.path() + "/tls";
  const auto start_us = base::SystemClock().now_us();
  ASSERT_TRUE(open_certificates(tls, "ab", {"localhost"}, start_us));
  ASSERT_TRUE(open_certificates(tls, "ab", {"localhost"}, start_us + 400 * kDayUs)->issued);
  EXPECT_TRUE(open_certificates(tls, "ab", {"localhost"}, start_us)->issued);
}

TEST(Certificates, a_clock_that_was_years_ahead_for_a_while_leaves_everything_as_it_was) {
  const fakes::TempFolder temp;
  const std::string tls = temp.path() + "/tls";
  const auto start_us = base::SystemClock().now_us();
  const auto first = open_certificates(tls, "ab", {"localhost"}, start_us);
  ASSERT_TRUE(first);
  for (int years = 9; years < 200; years += 9) {
    ASSERT_TRUE(open_certificates(tls, "ab", {"localhost"}, start_us + years * kYearUs)) << "bounded, not refused";
  }
  EXPECT_LE(std::distance(std::filesystem::directory_iterator(tls), {}), 4 * 8 + 3);
  const auto back = open_certificates(tls, "ab", {"localhost"}, start_us + kDayUs);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->ca_sha256_hex, first->ca_sha256_hex);
  EXPECT_EQ(back->device_ca.certificate_pem, first->device_ca.certificate_pem);
  EXPECT_TRUE(back->chain_pem.ends_with(first->ca_pem));
  EXPECT_TRUE(back->ca_bundle_pem.starts_with(first->ca_pem));
}

TEST(Certificates, a_key_of_another_authority_is_named) {
  const fakes::TempFolder temp;
  const std::string tls = temp.path() + "/tls";
  const auto now_us = base::SystemClock().now_us();
  ASSERT_TRUE(open_certificates(tls, "ab", {"localhost"}, now_us));
  std::filesystem::copy_file(tls + "/ca.key", tls + "/device-ca.key",
                             std::filesystem::copy_options::overwrite_existing);
  const auto mixed = open_certificates(tls, "ab", {"localhost"}, now_us);
  ASSERT_FALSE(mixed);
  EXPECT_THAT(mixed.error().detail, HasSubstr("device-ca.key"));
}

}  // namespace
}  // namespace hub
