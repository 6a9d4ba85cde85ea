#include "hub/storage/sqlite/file_names.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

namespace hub::sqlite {
namespace {

class SystemFileNames final : public FileNames {
 public:
  bool rename(const std::string& from, const std::string& to) override {
    return std::rename(from.c_str(), to.c_str()) == 0;
  }
  bool sync_folder(const std::string& folder) override {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool synced = ::fsync(fd) == 0;
    ::close(fd);
    return synced;
  }
};

}  // namespace

FileNames& system_file_names() {
  static SystemFileNames names;
  return names;
}

}  // namespace hub::sqlite
