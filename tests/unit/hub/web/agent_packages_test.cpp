#include "hub/web/agent_packages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "hub/identity/secret.h"
#include "tests/fakes/hub_fixture.h"

namespace hub::web {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST(AgentPackages, only_files_named_as_packages_are_given) {
  const fakes::TemporaryFolder folder;
  write(folder.file("device-agent-x86_64.tar.gz"), "one");
  write(folder.file("device-agent-aarch64.tar.gz"), "two");
  for (const char* other : {"device-agent-.tar.gz", "device-agent-a b.tar.gz", "device-agent-x;rm.tar.gz", "notes.txt",
                            "device-agent-x86_64.tar.gz.new"}) {
    write(folder.file(other), "other");
  }
  const auto packages = AgentPackages::open(folder.path());
  ASSERT_TRUE(packages);
  EXPECT_EQ(packages->all().size(), 2u);
  ASSERT_NE(packages->find("device-agent-x86_64.tar.gz"), nullptr);
  EXPECT_EQ(packages->find("device-agent-x86_64.tar.gz")->bytes, "one");
  EXPECT_EQ(packages->find("device-agent-x86_64.tar.gz")->sha256_hex, sha256_hex("one"));
  EXPECT_EQ(packages->find("notes.txt"), nullptr);
  EXPECT_EQ(packages->find("../hub.db"), nullptr);
}

TEST(AgentPackages, a_folder_that_is_not_there_has_none_and_an_empty_package_is_told) {
  const fakes::TemporaryFolder folder;
  EXPECT_TRUE(AgentPackages::open(folder.file("none"))->is_empty());
  EXPECT_TRUE(AgentPackages::open("")->is_empty());
  write(folder.file("device-agent-x86_64.tar.gz"), "");
  const auto refused = AgentPackages::open(folder.path());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("it is empty"));
}

TEST(AgentPackages, script_names_the_hub_its_ca_and_each_package_with_its_hash) {
  const fakes::TemporaryFolder folder;
  write(folder.file("device-agent-x86_64.tar.gz"), "one");
  write(folder.file("device-agent-aarch64.tar.gz"), "two");
  const auto packages = AgentPackages::open(folder.path()).value();
  const auto script = install_script(packages, "hub.local:8443", "c0ffee");
  EXPECT_TRUE(script.starts_with("#!/bin/sh\n"));
  EXPECT_THAT(script, HasSubstr("hub='https://hub.local:8443'\n"));
  EXPECT_THAT(script, HasSubstr("ca_sha256='c0ffee'\n"));
  EXPECT_THAT(script, HasSubstr("  x86_64) package=device-agent-x86_64.tar.gz sha256=" + sha256_hex("one") + " ;;\n"));
  EXPECT_THAT(script,
              HasSubstr("  aarch64) package=device-agent-aarch64.tar.gz sha256=" + sha256_hex("two") + " ;;\n"));
  for (const char* mark : {"@HUB@", "@CA_SHA256@", "@PACKAGES@"}) EXPECT_THAT(script, Not(HasSubstr(mark)));
  EXPECT_EQ(script, install_script(packages, "hub.local:8443", "c0ffee"));
  const auto command = install_command(script, "hub.local:8443", "TOKEN", "green house");
  EXPECT_THAT(command, HasSubstr(sha256_hex(script)));
  EXPECT_THAT(command, HasSubstr("https://hub.local:8443/install "));
  EXPECT_TRUE(command.ends_with(" TOKEN --name 'green house'")) << command;
}

}  // namespace
}  // namespace hub::web
