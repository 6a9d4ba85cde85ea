#include "device-agent/reports/push_socket.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

namespace agent {
namespace {

constexpr int kBacklog = 64;

std::optional<gid_t> find_group(const std::string& name) {
  std::vector<char> buffer(64 * 1'024);
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  return entry.gr_gid;
}

bool fill(sockaddr_un& address, const std::string& path) {
  address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return true;
}

/// Empty: `fd` listens.
std::string bind_and_share(int fd, const std::string& path, const std::string& group) {
  sockaddr_un address;
  if (!fill(address, path)) return "a socket's path has from 1 to 107 bytes";
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0) {
    if (!S_ISSOCK(there.st_mode)) return "is there already, and is no socket";
    const int other = connect_to(path);
    const bool is_served = other >= 0 || errno == EAGAIN;
    if (other >= 0) ::close(other);
    if (is_served) return "another agent listens there";
    ::unlink(path.c_str());
  }
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return std::strerror(errno);
  // Before listen(): until then nobody can connect, whatever the umask has made of it.
  if (!group.empty()) {
    const auto gid = find_group(group);
    if (!gid) return "there is no group \"" + group + "\" on this machine";
    if (::chown(path.c_str(), static_cast<uid_t>(-1), *gid) != 0) {
      return "cannot be given to group \"" + group + "\": " + std::strerror(errno) + "; is the agent's user in it?";
    }
  }
  if (::chmod(path.c_str(), 0660) != 0 || ::listen(fd, kBacklog) != 0) return std::strerror(errno);
  return {};
}

}  // namespace

int connect_to(const std::string& path) {
  sockaddr_un address;
  if (!fill(address, path)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  const int why = errno;
  ::close(fd);
  errno = why;
  return -1;
}

std::optional<boost::asio::local::stream_protocol::acceptor> listen_at(const boost::asio::any_io_executor& executor,
                                                                       const std::string& path,
                                                                       const std::string& group, std::string& problem) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    problem = std::strerror(errno);
    return std::nullopt;
  }
  problem = bind_and_share(fd, path, group);
  if (!problem.empty()) {
    problem = path + ": " + problem;
    ::close(fd);
    return std::nullopt;
  }
  return boost::asio::local::stream_protocol::acceptor(executor, boost::asio::local::stream_protocol(), fd);
}

}  // namespace agent
