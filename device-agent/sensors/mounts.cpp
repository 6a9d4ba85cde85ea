#include "device-agent/sensors/mounts.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

constexpr std::size_t kMostMounts = 16;
constexpr std::string_view kDiskTypes[] = {"bcachefs", "btrfs", "exfat", "ext2",   "ext3", "ext4",  "f2fs",
                                           "hfsplus",  "jfs",   "msdos", "nilfs2", "ntfs", "ntfs3", "reiserfs",
                                           "ubifs",    "ufs",   "vfat",  "xfs",    "zfs"};
constexpr std::string_view kMayHang[] = {"9p",    "afs", "autofs", "ceph", "cifs",  "glusterfs",
                                         "ncpfs", "nfs", "nfs4",   "smb3", "smbfs", "virtiofs"};
constexpr std::string_view kContainers[] = {"/var/lib/docker/", "/var/lib/containers/", "/var/lib/containerd/",
                                            "/var/lib/kubelet/", "/var/snap/"};

template <typename List>
bool is_in(const List& list, std::string_view text) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

/// "\040" is a space there.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octal = [&](std::size_t k) { return k < text.size() && text[k] >= '0' && text[k] <= '7'; };
    if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

bool is_below(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.substr(0, folder.size()) == folder &&
         (path[folder.size()] == '/' || folder == "/");
}

}  // namespace

std::vector<Mount> parse_mounts(std::string_view mountinfo) {
  std::map<std::string, Mount> by_point;
  std::set<std::string> slow;
  while (!mountinfo.empty()) {
    const std::size_t end = std::min(mountinfo.find('\n'), mountinfo.size());
    // 26 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw
    const auto words = split_words(mountinfo.substr(0, end));
    mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 10 || words.end() - dash < 4) continue;
    const std::string_view root = words[3], type = dash[1], super_options = dash[3];
    const std::string point = unescaped(words[4]);
    // What is mounted over it hides what was there.
    by_point.erase(point);
    slow.erase(point);
    if (point.empty() || point[0] != '/') continue;
    if (is_in(kMayHang, type) || type.substr(0, 4) == "fuse") slow.insert(point);
    const bool is_whole = root == "/" || type == "btrfs" || point == "/";
    const bool is_container = std::any_of(std::begin(kContainers), std::end(kContainers), [&](std::string_view folder) {
      return point.compare(0, folder.size(), folder) == 0;
    });
    const bool is_disk = is_in(kDiskTypes, type) || (point == "/" && !slow.contains(point));
    if (!is_whole || is_container || !is_disk) continue;
    by_point[point] = {point, std::string(words[2]), super_options.substr(0, super_options.find(',')) == "ro"};
  }
  std::vector<Mount> mounts;
  std::set<std::string> devices;
  for (const auto& [point, mount] : by_point) {
    const std::string_view path = point;
    if (std::any_of(slow.begin(), slow.end(), [path](const auto& folder) { return is_below(path, folder); })) continue;
    if (mounts.size() < kMostMounts && devices.insert(mount.device).second) mounts.push_back(mount);
  }
  return mounts;
}

std::string mount_name(std::string_view point) {
  return point.size() <= 1 ? "root" : name_part(point.substr(1));
}

}  // namespace agent
