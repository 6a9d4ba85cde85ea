// The file systems of this machine that hold data of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace agent {

struct Mount {
  std::string point;       // "/boot/firmware"
  std::string device;      // "179:1"
  bool read_only = false;  // the file system itself, not only this view of it
  bool operator==(const Mount&) const = default;
};

/// From /proc/self/mountinfo, at most 16, in the order of their points. Left out: what is no disk (proc, tmpfs,
/// overlay, squashfs …), what may not answer (network file systems, those in user space, and all that is mounted below
/// them), other views of a file system that is in already (bind mounts), and the folders of container engines.
std::vector<Mount> parse_mounts(std::string_view mountinfo);

/// "boot_firmware" of "/boot/firmware", "root" of "/": the part of a series name.
std::string mount_name(std::string_view point);

}  // namespace agent
