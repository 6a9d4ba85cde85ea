// The operator's certificate: used, replaced, half written; and beside it the hub's own.
#include "hub/certificates/hub_tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <filesystem>
#include <sstream>

#include "base/clock.h"
#include "hub/core/text_file.h"
#include "tests/fakes/device_certificates.h"
#include "tests/fakes/temp_folder.h"

namespace hub {
namespace {

using testing::HasSubstr;

class HubTlsTest : public ::testing::Test {
 protected:
  void put(const wire::KeyAndCertificate& pair) {
    ASSERT_TRUE(write_text_file(certificate_file, pair.certificate_pem, 0644));
    ASSERT_TRUE(write_text_file(key_file, pair.key_pem, 0600));
  }
  static wire::KeyAndCertificate from_elsewhere(const std::string& name) {
    static const auto ca = wire::make_certificate_authority("public CA").value();
    return wire::make_server_certificate(ca, name, {name}, 90).value();
  }
  Outcome<std::unique_ptr<HubTls>> open() {
    HubTls::Options options;
    options.folder = temp.path() + "/tls";
    options.hub_id = "ab";
    options.names = [this] { return names; };
    options.certificate_file = certificate_file;
    options.key_file = key_file;
    return HubTls::open(std::move(options), now_us, log);
  }

  fakes::TempFolder temp;
  std::string certificate_file = temp.path() + "/site.pem", key_file = temp.path() + "/site.key";
  std::vector<std::string> names{"localhost"};
  std::int64_t now_us = base::SystemClock().now_us();
  std::ostringstream logged;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(logged));
};

TEST_F(HubTlsTest, without_an_operator_s_certificate_the_hub_s_own_is_for_everyone) {
  certificate_file.clear();
  key_file.clear();
  const auto tls = open();
  ASSERT_TRUE(tls) << tls.error().detail;
  EXPECT_TRUE((*tls)->server_tls());
  EXPECT_FALSE((*tls)->look(now_us + 1'000'000));
  EXPECT_EQ((*tls)->bundle().get()->pem, (*tls)->own().ca_bundle_pem);
  EXPECT_EQ((*tls)->bundle().get()->sha256, wire::sha256((*tls)->own().ca_bundle_pem));
  names.push_back("hub.example");
  EXPECT_FALSE((*tls)->look(now_us + 2'000'000)) << "names are looked at once an hour";
  EXPECT_TRUE((*tls)->look(now_us + 3'600'000'000));
}

TEST_F(HubTlsTest, at_the_start_a_bad_pair_is_an_error_that_names_the_file) {
  const auto good = from_elsewhere("a.example");
  const auto other = from_elsewhere("b.example");
  const auto problem = [this] {
    const auto tls = open();
    return tls ? std::string("none") : tls.error().detail;
  };
  EXPECT_THAT(problem(), HasSubstr("site.pem: No such file"));
  put({good.key_pem, "nonsense"});
  EXPECT_THAT(problem(), HasSubstr("site.pem: no certificate"));
  put({other.key_pem, good.certificate_pem});
  EXPECT_THAT(problem(), HasSubstr("site.key: not the private key"));
  put({fakes::with_passphrase(good.key_pem), good.certificate_pem});
  EXPECT_THAT(problem(), HasSubstr("without a passphrase")) << "and nobody is asked for it";
  put({std::string(300'000, 'x'), good.certificate_pem});
  EXPECT_THAT(problem(), HasSubstr("site.key: longer than"));
  std::filesystem::remove(key_file);
  std::filesystem::create_directory(key_file);
  EXPECT_THAT(problem(), HasSubstr("site.key: not a file"));
  std::filesystem::remove(key_file);
  key_file.clear();
  EXPECT_THAT(problem(), HasSubstr("belong together"));
}

TEST_F(HubTlsTest, a_new_pair_is_used_once_it_is_whole) {
  put(from_elsewhere("a.example"));
  const auto tls = open();
  ASSERT_TRUE(tls) << tls.error().detail;
  EXPECT_FALSE((*tls)->look(now_us)) << "nothing changed";

  const auto renewed = from_elsewhere("a.example");
  ASSERT_TRUE(write_text_file(certificate_file, renewed.certificate_pem, 0644));
  EXPECT_FALSE((*tls)->look(now_us)) << "its key is not there yet";
  EXPECT_THAT(logged.str(), HasSubstr("site.key: not the private key"));
  logged.str({});
  EXPECT_FALSE((*tls)->look(now_us));
  EXPECT_EQ(logged.str(), "") << "said once";
  ASSERT_TRUE(write_text_file(key_file, renewed.key_pem, 0600));
  EXPECT_TRUE((*tls)->look(now_us));
  EXPECT_THAT(logged.str(), HasSubstr("was replaced"));
  EXPECT_FALSE((*tls)->look(now_us));

  std::filesystem::remove(certificate_file);
  EXPECT_FALSE((*tls)->look(now_us));
  EXPECT_THAT(logged.str(), HasSubstr("site.pem: No such file"));
  EXPECT_TRUE((*tls)->server_tls()) << "the one before goes on";
  put(renewed);
  EXPECT_FALSE((*tls)->look(now_us)) << "the same as before";
}

}  // namespace
}  // namespace hub
