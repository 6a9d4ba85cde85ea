#include "device-agent/gpio/gpio_kernel.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace agent {

std::vector<std::string> SystemGpioKernel::chips() {
  std::vector<std::string> found;
  std::error_code ec;
  for (std::filesystem::directory_iterator it("/dev", ec), end; !ec && it != end; it.increment(ec)) {
    std::error_code ignored;
    // A Raspberry Pi has a gpiochip4 that is a link to gpiochip0.
    if (it->path().filename().string().rfind("gpiochip", 0) == 0 && !it->is_symlink(ignored)) {
      found.push_back(it->path().string());
    }
  }
  std::sort(found.begin(), found.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  return found;
}

int SystemGpioKernel::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int SystemGpioKernel::call(int fd, unsigned long request, void* argument) {
  return ::ioctl(fd, request, argument) < 0 ? -errno : 0;
}

long SystemGpioKernel::read(int fd, void* into, std::size_t bytes) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_NONBLOCK) == 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);  // the kernel makes it without
  const ssize_t n = ::read(fd, into, bytes);
  if (n < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
  return n;
}

void SystemGpioKernel::close(int fd) {
  ::close(fd);
}

}  // namespace agent
