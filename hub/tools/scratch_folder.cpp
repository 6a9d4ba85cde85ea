#include "hub/tools/scratch_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hub::tools {

ScratchFolder::ScratchFolder(std::string path) : path_(std::move(path)) {
  is_made_ = std::filesystem::create_directory(path_, error_);
  if (is_made_) (void)::chmod(path_.c_str(), 0700);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (is_made_) std::filesystem::remove_all(path_, ignored);
}

std::string cause(const std::string& path, const char* what) {
  return path + ": " + what + " (" + std::strerror(errno) + ").";
}

bool sync_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  return synced;
}

}  // namespace hub::tools
