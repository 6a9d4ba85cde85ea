#include "device-agent/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace agent {

ServiceManager ServiceManager::from_environment() {
  const auto take = [](const char* name) {
    const char* value = std::getenv(name);
    const std::string text = value != nullptr ? value : "";
    ::unsetenv(name);
    return text;
  };
  std::string socket = take("NOTIFY_SOCKET");
  const std::string usec = take("WATCHDOG_USEC"), pid = take("WATCHDOG_PID");
  const bool is_ours = pid.empty() || pid == std::to_string(::getpid());
  const long long watchdog = is_ours ? std::atoll(usec.c_str()) : 0;
  if (socket.empty() || (socket[0] != '/' && socket[0] != '@')) return {};
  return {std::move(socket), std::chrono::microseconds(std::max(0LL, watchdog))};
}

void ServiceManager::send(const std::string& text) {
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_[0] == '@') address.sun_path[0] = '\0';  // an abstract name
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  (void)!::sendto(fd, text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length);
  ::close(fd);
}

void ServiceManager::status(const std::string& text) {
  if (text == status_) return;
  status_ = text;
  std::string line = text;
  std::replace(line.begin(), line.end(), '\n', ' ');
  send("STATUS=" + line);
}

void ServiceManager::ready() {
  send("READY=1");
}

void ServiceManager::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.tv_sec * 1'000'000LL + now.tv_nsec / 1'000));
}

void ServiceManager::stopping() {
  send("STOPPING=1");
}

void ServiceManager::alive() {
  const auto now = std::chrono::steady_clock::now();
  if (watchdog_.count() == 0 || now - last_alive_ < watchdog_ / 4) return;
  last_alive_ = now;
  send("WATCHDOG=1");
}

}  // namespace agent
