// The data folder, its lock, its certificates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "hub/data_folder.h"
#include "hub/certificates/hub_certificates.h"
#include "hub/core/text_file.h"
#include "tests/fakes/temp_folder.h"

namespace hub {
namespace {

using testing::Contains;
using testing::HasSubstr;

TEST(DataFolder, a_second_process_is_kept_out_and_told_by_whom) {
  const fakes::TempFolder temp;
  const std::string path = temp.path() + "/deep/data";
  {
    const auto first = DataFolder::open(path);
    ASSERT_TRUE(first) << first.error().detail;
    const auto second = DataFolder::open(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, errc::conflict);
    EXPECT_THAT(second.error().detail, HasSubstr(std::to_string(::getpid())));
    EXPECT_THAT(second.error().detail, HasSubstr(path));
  }
  EXPECT_TRUE(DataFolder::open(path));
}

TEST(DataFolder, is_for_its_owner_only) {
  const fakes::TempFolder temp;
  const auto folder = DataFolder::open(temp.path() + "/data/");
  ASSERT_TRUE(folder);
  EXPECT_EQ(folder->path(), temp.path() + "/data");
  struct stat status {};
  ASSERT_EQ(::stat(folder->path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST(DataFolder, one_that_cannot_be_made_is_named_with_the_cause) {
  const fakes::TempFolder temp;
  std::ofstream(temp.path() + "/file") << "x";
  for (const auto* name : {"/file", "/file/data"}) {
    const auto folder = DataFolder::open(temp.path() + name);
    ASSERT_FALSE(folder) << name;
    EXPECT_THAT(folder.error().detail, HasSubstr(temp.path() + name));
    EXPECT_THAT(folder.error().detail, HasSubstr("Not a directory"));
  }
}

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

}  // namespace
}  // namespace hub
