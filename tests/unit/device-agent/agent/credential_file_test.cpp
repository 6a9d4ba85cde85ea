#include "device-agent/credential_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/fakes/temp_folder.h"

namespace agent {
namespace {

Credential some() {
  return {"hub.local", 9'443, "d1", "green \"house\"", "tok\\en", "-----BEGIN CERTIFICATE-----\nabc\n"};
}

TEST(CredentialFile, comes_back_as_it_was_saved) {
  const fakes::TempFolder folder;
  const std::string state = folder.path() + "/new/state";
  ASSERT_TRUE(save_credential(state, some()));
  std::string problem;
  const auto loaded = load_credential(state, problem);
  ASSERT_TRUE(loaded) << problem;
  EXPECT_EQ(loaded->host, some().host);
  EXPECT_EQ(loaded->port, some().port);
  EXPECT_EQ(loaded->device_id, some().device_id);
  EXPECT_EQ(loaded->device_name, some().device_name);
  EXPECT_EQ(loaded->token, some().token);
  EXPECT_EQ(loaded->ca_pem, some().ca_pem);
}

TEST(CredentialFile, says_what_is_missing_and_what_to_do) {
  const fakes::TempFolder folder;
  std::string problem;
  EXPECT_FALSE(load_credential(folder.path(), problem));
  EXPECT_NE(problem.find("device-agent enroll"), std::string::npos);
  Credential half = some();
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
