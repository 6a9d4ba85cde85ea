#include "device-agent/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "tests/fakes/temp_folder.h"

namespace agent {
namespace {

/// systemd's end.
class ServiceManagerTest : public ::testing::Test {
 protected:
  ServiceManagerTest() {
    fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~ServiceManagerTest() override { ::close(fd); }
  std::vector<std::string> heard() {
    std::vector<std::string> out;
    char text[256];
    for (ssize_t n; (n = ::recv(fd, text, sizeof text, 0)) > 0;) out.emplace_back(text, static_cast<std::size_t>(n));
    return out;
  }
  const fakes::TempFolder folder;
  const std::string path = folder.path() + "/notify";
  int fd = -1;
};

TEST_F(ServiceManagerTest, it_says_what_systemd_understands) {
  ServiceManager service(path, std::chrono::seconds(0));
  EXPECT_TRUE(service.is_there());
  service.ready();
  service.status("connected;\n3 sensors");
  service.status("connected;\n3 sensors");
  service.reloading();
  service.stopping();
  service.alive();  // no watchdog
  const auto all = heard();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0], "READY=1");
  EXPECT_EQ(all[1], "STATUS=connected; 3 sensors");
  EXPECT_EQ(all[2].rfind("RELOADING=1\nMONOTONIC_USEC=", 0), 0u);
  EXPECT_EQ(all[3], "STOPPING=1");
}

TEST_F(ServiceManagerTest, the_watchdog_is_told_in_time_and_not_each_time) {
  ServiceManager service(path, std::chrono::hours(1));
  for (int i = 0; i < 100; ++i) service.alive();
  EXPECT_EQ(heard(), std::vector<std::string>{"WATCHDOG=1"});
}

TEST_F(ServiceManagerTest, the_environment_is_taken_and_no_child_has_it) {
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  ::setenv("WATCHDOG_USEC", "1000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  auto service = ServiceManager::from_environment();
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);
  EXPECT_EQ(std::getenv("WATCHDOG_USEC"), nullptr);
  service.alive();
  EXPECT_EQ(heard(), std::vector<std::string>{"WATCHDOG=1"});
  EXPECT_FALSE(ServiceManager::from_environment().is_there());
}

TEST_F(ServiceManagerTest, nobody_there_is_no_trouble) {
  ServiceManager gone(folder.path() + "/nobody", std::chrono::seconds(1));
  gone.ready();
  gone.alive();
  ServiceManager none;
  none.ready();
  EXPECT_FALSE(none.is_there());
  EXPECT_TRUE(heard().empty());
}

}  // namespace
}  // namespace agent
