#include "device-agent/credential_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/fakes/device_certificates.h"
#include "tests/fakes/temp_folder.h"

namespace agent {
namespace {

Credential some() {
  const auto own = fakes::device_certificate("d1", 1'700'000'000, 1'800'000'000);
  return {"hub.local",
          9'443,
          "d1",
          "green \"house\"",
          "tok\\en",
          "-----BEGIN CERTIFICATE-----\nabc\n",
          "hub-1",
          own.key_pem,
          own.certificate_pem,
          1'700'000'000'000'000};
}

TEST(CredentialFile, comes_back_as_it_was_saved) {
  const fakes::TempFolder folder;
  const std::string state = folder.path() + "/new/state";
  const Credential some_one = some();
  ASSERT_TRUE(save_credential(state, some_one));
  std::string problem;
  const auto loaded = load_credential(state, problem);
  ASSERT_TRUE(loaded) << problem;
  EXPECT_EQ(loaded->host, some().host);
  EXPECT_EQ(loaded->port, some().port);
  EXPECT_EQ(loaded->device_id, some().device_id);
  EXPECT_EQ(loaded->device_name, some().device_name);
  EXPECT_EQ(loaded->token, some().token);
  EXPECT_EQ(loaded->ca_pem, some().ca_pem);
  EXPECT_EQ(loaded->server_name, some_one.server_name);
  EXPECT_EQ(loaded->key_pem, some_one.key_pem);
  EXPECT_EQ(loaded->certificate_pem, some_one.certificate_pem);
  EXPECT_EQ(loaded->time_floor_us, some_one.time_floor_us);
}

TEST(CredentialFile, says_what_is_missing_and_what_to_do) {
  const fakes::TempFolder folder;
  std::string problem;
  EXPECT_FALSE(load_credential(folder.path(), problem));
  EXPECT_NE(problem.find("device-agent enroll"), std::string::npos);
  Credential half = some();
  half.key_pem = wire::make_private_key().value();
  ASSERT_TRUE(save_credential(folder.path(), half));
  EXPECT_FALSE(load_credential(folder.path(), problem));
  EXPECT_NE(problem.find("do not belong together"), std::string::npos);
  half.key_pem.clear();
  ASSERT_TRUE(save_credential(folder.path(), half));
  EXPECT_FALSE(load_credential(folder.path(), problem));
  EXPECT_NE(problem.find("one is missing"), std::string::npos);
  half.certificate_pem.clear();
  ASSERT_TRUE(save_credential(folder.path(), half));
  EXPECT_TRUE(load_credential(folder.path(), problem)) << "a token alone is enough";
  half.token.clear();
  ASSERT_TRUE(save_credential(folder.path(), half));
  EXPECT_FALSE(load_credential(folder.path(), problem));
  EXPECT_NE(problem.find("token"), std::string::npos);
  std::ofstream(folder.path() + "/credential.toml") << "host = \"h\"\nport = \n";
  EXPECT_FALSE(load_credential(folder.path(), problem));
  EXPECT_NE(problem.find("credential.toml:2"), std::string::npos) << problem;
}

}  // namespace
}  // namespace agent
