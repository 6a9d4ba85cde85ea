#include "tests/unit/device-agent/sensors/sensor_fixture.h"

namespace agent {
namespace {

TEST_F(SensorTest, memory_is_told_in_bytes_by_what_is_available) {
  put("/proc/meminfo",
      "MemTotal:        1000000 kB\nMemFree:          100000 kB\nMemAvailable:     750000 kB\n"
      "SwapCached:            0 kB\nSwapTotal:        200000 kB\nSwapFree:         150000 kB\n");
  detect();
  const auto values = sample();
  EXPECT_EQ(number(values, "memory.used"), 250'000.0 * 1'024);
  EXPECT_EQ(number(values, "memory.available"), 750'000.0 * 1'024);
  EXPECT_EQ(number(values, "memory.usage"), 25);
  EXPECT_EQ(number(values, "swap.used"), 50'000.0 * 1'024);
  EXPECT_EQ(number(values, "swap.usage"), 25);
  EXPECT_EQ(series().at("memory.used"), "By");
  EXPECT_EQ(series().at("memory.usage"), "%");
}

TEST_F(SensorTest, what_meminfo_does_not_say_is_left_out) {
  put("/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 400 kB\n");
  detect();
  put("/proc/meminfo", "MemTotal: 1000 kB\nMemFree: 1 kB\nSwapTotal: 10 kB\nSwapFree: 10 kB\n");  // an old kernel
  auto values = sample();
  EXPECT_FALSE(values.contains("memory.used"));
  EXPECT_EQ(number(values, "swap.used"), 0);
  for (const char* nonsense : {"", "MemTotal:", "MemTotal: 0 kB\nMemAvailable: 0 kB\n", "MemTotal: lots\n"}) {
    put("/proc/meminfo", nonsense);
    EXPECT_TRUE(sample().count("memory.usage") == 0) << nonsense;
  }
}

TEST_F(SensorTest, the_disk_below_the_root_is_measured) {
  detect();
  const auto values = sample();
  const auto space = std::filesystem::space(folder_.path());
  const double used = number(values, "disk.root.used"), free = number(values, "disk.root.free");
  EXPECT_NEAR(used, static_cast<double>(space.capacity - space.free), 64e6) << "other tests write as well";
  EXPECT_NEAR(free, static_cast<double>(space.available), 64e6);
  EXPECT_NEAR(number(values, "disk.root.usage"), 100 * used / (used + free), 0.051);
  EXPECT_EQ(series().at("disk.root.free"), "By");
}

TEST_F(SensorTest, a_root_that_is_gone_gives_nothing) {
  detect();
  take_away("");
  EXPECT_TRUE(sample().empty());
}

TEST_F(SensorTest, each_mounted_file_system_is_measured_while_it_is_mounted) {
  const std::string root = "26 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw\n";
  const std::string usb = "40 26 8:1 / /media/pi/MY\\040DISK ro,nosuid - vfat /dev/sda1 ro,errors=remount-ro\n";
  put("/media/pi/MY DISK/file", "");
  put("/proc/self/mountinfo", root + usb);
  detect();
  auto values = sample();
  EXPECT_GT(number(values, "disk.media_pi_MY_DISK.used"), 0);
  EXPECT_EQ(std::get<bool>(values.at("disk.media_pi_MY_DISK.read_only")), true);
  EXPECT_EQ(std::get<bool>(values.at("disk.root.read_only")), false);
  put("/proc/self/mountinfo", root);
  values = sample();
  EXPECT_FALSE(values.contains("disk.media_pi_MY_DISK.used")) << "not those of the folder below";
  EXPECT_TRUE(values.contains("disk.root.used"));
  put("/proc/self/mountinfo", root + usb + "41 26 8:17 / /data rw - ext4 /dev/sdb1 rw\n");
  put("/data/file", "");
  values = sample();
  EXPECT_TRUE(values.contains("disk.media_pi_MY_DISK.used"));
  EXPECT_TRUE(values.contains("disk.data.free")) << "found by itself";
}

TEST_F(SensorTest, mounts_of_one_name_are_measured_once) {
  put("/a/b/file", "");
  put("/a_b/file", "");
  put("/proc/self/mountinfo", "1 0 8:1 / /a/b rw - ext4 /dev/a rw\n2 0 8:2 / /a_b rw - ext4 /dev/b rw\n");
  detect();
  EXPECT_TRUE(sample().contains("disk.a_b.used"));
}

}  // namespace
}  // namespace agent
