#include "hub/storage/sqlite/reserve_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace hub::sqlite {
namespace {

constexpr std::uint64_t kLargest = 64u << 20, kPage = 4'096;
constexpr std::uint64_t kFullPart = 4;  // with less than this part of the reserve free, the disk is full

std::uint64_t wanted(std::uint64_t low_water_bytes) {
  return std::min(kLargest, low_water_bytes / 4) / kPage * kPage;
}

std::string path_of(const DataFolder& folder) {
  return folder.path() + "/reserve";
}

/// What the file truly holds of the disk.
std::uint64_t held(const DataFolder& folder) {
  struct stat found {};
  if (::stat(path_of(folder).c_str(), &found) != 0) return 0;
  return std::min(static_cast<std::uint64_t>(found.st_size), static_cast<std::uint64_t>(found.st_blocks) * 512);
}

void remove_reserve(const DataFolder& folder) {
  ::unlink(path_of(folder).c_str());
}

}  // namespace

ReserveFile::ReserveFile(DataFolder folder, std::uint64_t low_water_bytes)
    : folder_(std::move(folder)), low_water_bytes_(low_water_bytes), wanted_bytes_(wanted(low_water_bytes)) {}

void ReserveFile::look() {
  // Somebody in need of room may have deleted it.
  held_bytes_ = held(folder_);
  if (held_bytes_ != wanted_bytes_ && held_bytes_ != 0) give_up();  // of another setting
  if (wanted_bytes_ == 0) return;
  const std::uint64_t free = folder_.free_bytes();
  if (held_bytes_ != 0) {
    if (free < wanted_bytes_ / kFullPart) give_up();
  } else if (free >= made_from_bytes()) {
    if (make()) held_bytes_ = wanted_bytes_;
  }
}

void ReserveFile::give_up() {
  remove_reserve(folder_);
  held_bytes_ = 0;
}

bool ReserveFile::make() {
  remove_reserve(folder_);  // what a crash left half made
  const int fd = ::open(path_of(folder_).c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool made = ::posix_fallocate(fd, 0, static_cast<off_t>(wanted_bytes_)) == 0;
  ::close(fd);
  if (!made) remove_reserve(folder_);
  return made;
}

bool give_up_reserve_if_full(const DataFolder& folder) {
  const std::uint64_t bytes = held(folder);
  if (bytes == 0 || folder.free_bytes() >= bytes / kFullPart) return false;
  remove_reserve(folder);
  return true;
}

}  // namespace hub::sqlite
