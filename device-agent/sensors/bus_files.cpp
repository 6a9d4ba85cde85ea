#include "device-agent/sensors/bus_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace agent {

FileText SystemBusFiles::read(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {errno, {}};
  constexpr std::size_t kMostBytes = 4'096;
  FileText file;
  char part[kMostBytes];
  while (file.error == 0) {
    const ssize_t got = ::read(fd, part, sizeof part);
    if (got < 0) file.error = errno;
    if (got <= 0) break;
    file.text.append(part, static_cast<std::size_t>(got));
    if (file.text.size() > kMostBytes) file.error = EFBIG;
  }
  ::close(fd);
  return file;
}

int SystemBusFiles::write(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = ::write(fd, text.data(), text.size()) < 0 ? errno : 0;
  ::close(fd);
  return error;
}

}  // namespace agent
