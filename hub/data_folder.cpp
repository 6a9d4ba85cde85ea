#include "hub/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "hub/core/text_file.h"

namespace hub {
namespace {

/// Makes the folder and those above it, the last one for its owner only.
int make_folders(const std::string& path) {
  std::error_code ec;
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, ec);
  if (ec) return ec.value();
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return errno;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return errno;
  return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

}  // namespace

Outcome<DataFolder> DataFolder::open(const std::string& given) {
  std::string path = given;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path.empty()) return Problem{errc::invalid_argument, "the data folder's name is empty; give --data-dir", ""};
  if (const int error = make_folders(path); error != 0) {
    return Problem{errc::invalid_argument, "the data folder " + path + " cannot be made: " + std::strerror(error), ""};
  }
  const std::string lock_path = path + "/lock";
  const int fd = ::open(lock_path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Problem{errc::invalid_argument, "the data folder " + path + " cannot be written: " + std::strerror(errno),
                   ""};
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    ::close(fd);
    if (error != EWOULDBLOCK) {
      return Problem{errc::invalid_argument, "the data folder " + path + " cannot be locked: " + std::strerror(error),
                     ""};
    }
    std::string holder = read_text_file(lock_path).value_or("");
    while (!holder.empty() && (holder.back() == '\n' || holder.back() == ' ')) holder.pop_back();
    return Problem{errc::conflict,
                   "the data folder " + path + " is in use by another telemetry-hub (process " +
                       (holder.empty() ? "unknown" : holder) + "); stop it, or choose another --data-dir",
                   ""};
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  // Over what is there: on a full disk an emptied file might get no room again.
  if (::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()) ||
      ::ftruncate(fd, static_cast<off_t>(pid.size())) != 0) {
    const int error = errno;
    ::close(fd);
    return Problem{errc::invalid_argument, "the data folder " + path + " cannot be written: " + std::strerror(error),
                   ""};
  }
  return DataFolder(std::move(path), fd);
}

DataFolder::~DataFolder() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace hub
