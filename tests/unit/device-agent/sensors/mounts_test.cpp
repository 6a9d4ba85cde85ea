#include "device-agent/sensors/mounts.h"

#include <gtest/gtest.h>

namespace agent {
namespace {

std::vector<std::string> points(std::string_view text) {
  std::vector<std::string> found;
  for (const auto& mount : parse_mounts(text)) found.push_back(mount.point);
  return found;
}
using Points = std::vector<std::string>;

TEST(Mounts, a_raspberry_pi_has_its_card_and_its_boot_partition) {
  EXPECT_EQ(points("22 26 0:5 / /dev rw - devtmpfs udev rw\n23 26 0:21 / /proc rw - proc proc rw\n"
                   "26 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw\n"
                   "30 26 0:25 / /run rw - tmpfs tmpfs rw\n31 26 7:0 / /snap/core/1 ro - squashfs /dev/loop0 ro\n"
                   "60 26 179:1 / /boot/firmware rw shared:30 - vfat /dev/mmcblk0p1 rw,fmask=0022\n"),
            (Points{"/", "/boot/firmware"}));
}

TEST(Mounts, other_views_of_a_file_system_are_one) {
  EXPECT_EQ(points("26 1 8:2 / / rw - ext4 /dev/sda2 rw\n40 26 8:2 /srv /export rw - ext4 /dev/sda2 rw\n"
                   "41 26 8:2 / /mnt/again rw - ext4 /dev/sda2 rw\n42 26 8:3 / /home rw - ext4 /dev/sda3 rw\n"
                   "43 26 0:40 /@ /pool rw - btrfs /dev/sdb rw\n44 26 0:40 /@snap /snapshots rw - btrfs /dev/sdb rw\n"),
            (Points{"/", "/home", "/pool"}));
}

TEST(Mounts, a_hardened_service_s_own_views_are_left_out_and_do_not_make_the_disk_read_only) {
  const auto mounts = parse_mounts(
      "26 1 179:2 / / ro,noatime - ext4 /dev/mmcblk0p2 rw\n"
      "90 26 179:2 /var/lib/device-agent /var/lib/device-agent rw - ext4 /dev/mmcblk0p2 rw\n"
      "91 26 179:2 /tmp/systemd-private-1/tmp /tmp rw - ext4 /dev/mmcblk0p2 rw\n");
  ASSERT_EQ(mounts.size(), 1u);
  EXPECT_EQ(mounts[0], (Mount{"/", "179:2", false}));
  EXPECT_TRUE(parse_mounts("26 1 179:2 / / rw - ext4 /dev/x ro,errors=remount-ro\n")[0].read_only);
}

TEST(Mounts, what_may_hang_is_left_out_with_all_below_it) {
  EXPECT_EQ(points("26 1 8:2 / / rw - ext4 /dev/sda2 rw\n50 26 0:50 / /nas rw - nfs4 nas:/x rw\n"
                   "51 50 8:17 / /nas/usb rw - ext4 /dev/sdb1 rw\n52 26 8:18 / /nasty rw - ext4 /dev/sdc1 rw\n"
                   "53 26 0:51 / /home/pi/cloud rw - fuse.rclone cloud: rw\n54 26 0:52 / /auto rw - autofs x rw\n"),
            (Points{"/", "/nasty"}));
}

TEST(Mounts, containers_have_an_overlay_and_the_host_s_mounts_for_them_are_not_ours) {
  EXPECT_EQ(points("26 1 0:99 / / rw - overlay overlay rw,lowerdir=/a\n"
                   "27 26 8:2 /var/lib/docker/containers/1/hosts /etc/hosts rw - ext4 /dev/sda2 rw\n"),
            Points{"/"});
  EXPECT_EQ(points("26 1 8:2 / / rw - ext4 /dev/sda2 rw\n"
                   "70 26 0:70 / /var/lib/docker/overlay2/1/merged rw - overlay overlay rw\n"
                   "71 26 8:33 / /var/lib/docker/volumes/1 rw - ext4 /dev/sdd1 rw\n"),
            Points{"/"});
}

TEST(Mounts, what_is_mounted_over_something_hides_it) {
  EXPECT_TRUE(points("60 26 8:1 / /data rw - ext4 /dev/a rw\n61 60 0:77 / /data rw - tmpfs tmpfs rw\n").empty());
}

TEST(Mounts, nonsense_is_no_mount) {
  for (const char* text : {"", "\n\n", "-", "1 2 3", "26 1 8:2 / / rw ext4 /dev/x rw extra words here",
                           "a b c d e f g h i - ext4", "26 1 8:2 / data rw - ext4 /dev/a rw\n"}) {
    EXPECT_TRUE(points(text).empty()) << text;
  }
  EXPECT_EQ(points("26 1 8:2 / /a\\04 rw - ext4 /dev/a rw\n"), Points{"/a\\04"});
}

TEST(Mounts, no_more_than_sixteen_are_followed) {
  std::string text;
  for (int i = 0; i < 5'000; ++i) {
    const std::string n = std::to_string(i);
    text += "1 0 8:" + n + " / /m" + n + " rw - ext4 /dev/x rw\n";
  }
  EXPECT_EQ(points(text).size(), 16u);
}

TEST(Mounts, a_point_becomes_part_of_a_name) {
  EXPECT_EQ(mount_name("/"), "root");
  EXPECT_EQ(mount_name("/boot/firmware"), "boot_firmware");
  EXPECT_EQ(mount_name("/media/Ü x").find_first_of(" /"), std::string::npos);
}

}  // namespace
}  // namespace agent
