#include "device-agent/spool/spool_disk.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdint>

namespace agent {
namespace {

constexpr std::uint64_t kFullBytes = 256 * 1'024;

}  // namespace

std::string disk_problem(const std::string& folder) {
  struct statvfs s {};
  if (::statvfs(folder.c_str(), &s) != 0) return {};
  if ((s.f_flag & ST_RDONLY) != 0) return "the disk of " + folder + " is read-only";
  // What is kept back for root is there for root only. Zero blocks in all: no such figures.
  const std::uint64_t free = (::geteuid() == 0 ? s.f_bfree : s.f_bavail) * std::uint64_t{s.f_frsize};
  if (s.f_blocks > 0 && free < kFullBytes) return "the disk of " + folder + " is full";
  return {};
}

}  // namespace agent
