#include "device-agent/link/credential.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

#include "device-agent/link/hub_connection.h"
#include "tests/fakes/temp_folder.h"

namespace agent {
namespace {

TEST(HubUrl, host_and_port_are_read) {
  const struct {
    const char *url, *host;
    std::uint16_t port;
  } good[] = {{"https://hub.local:9000", "hub.local", 9000},
              {"wss://10.0.0.1", "10.0.0.1", 8443},
              {"https://hub.local/", "hub.local", 8443},
              {"https://[fd00::1]:8000", "fd00::1", 8000},
              {"https://[::1]", "::1", 8443}};
  for (const auto& g : good) {
    std::string host;
    std::uint16_t port = 0;
    EXPECT_TRUE(parse_hub_url(g.url, host, port)) << g.url;
    EXPECT_EQ(host, g.host);
    EXPECT_EQ(port, g.port);
  }
  for (const char* bad :
       {"", "hub.local", "http://hub.local", "https://", "https://:8443", "https://h:0", "https://h:65536",
        "https://h:80x", "https://h/path", "https://u@h", "https://[::1", "https://[::1]x", "ftp://h"}) {
    std::string host;
    std::uint16_t port = 0;
    EXPECT_FALSE(parse_hub_url(bad, host, port)) << bad;
  }
}

TEST(PrivateFile, is_for_its_owner_only_and_written_whole) {
  const fakes::TempFolder folder;
  const std::string path = folder.path() + "/credential.toml";
  ASSERT_TRUE(write_private_file(path, "old and longer"));
  ASSERT_TRUE(write_private_file(path, "new"));
  std::ifstream in(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "new");
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(path).permissions() & perms::mask, perms::owner_read | perms::owner_write);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1) << "nothing is left behind";
  EXPECT_FALSE(write_private_file(folder.path() + "/missing/credential.toml", "new"));
}

HubConnection connect(Credential credential) {
  boost::asio::io_context io{1};
  HubConnection result("nothing came back", false);
  auto task = connect_through("none")(std::move(credential), HandshakeTime());
  boost::asio::co_spawn(io, std::move(task), [&result](std::exception_ptr failure, HubConnection got) {
    EXPECT_FALSE(failure);
    result = std::move(got);
  });
  io.run();
  return result;
}

TEST(HubConnection, a_ca_that_is_none_is_a_matter_of_the_credential) {
  Credential credential;
  credential.host = "127.0.0.1";
  credential.ca_pem = "no certificate";
  const auto hub = connect(credential);
  EXPECT_EQ(hub.connection, nullptr);
  EXPECT_TRUE(hub.refused);
  EXPECT_NE(hub.problem.find("credential.toml"), std::string::npos);
}

}  // namespace
}  // namespace agent
