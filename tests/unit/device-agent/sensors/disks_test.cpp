#include "tests/unit/device-agent/sensors/sensor_fixture.h"

namespace agent {
namespace {

class DisksTest : public SensorTest {
 protected:
  void put_disk(const std::string& name, const std::string& stat, bool has_device = true) {
    put("/sys/block/" + name + "/stat", stat + "\n");
    if (has_device) put("/sys/block/" + name + "/device/uevent", "");
  }
};

TEST_F(DisksTest, bytes_and_busy_time_are_rates_since_the_look_before) {
  put_disk("mmcblk0", "  100 0 2000 10 50 0 1000 20 0 400 30 0 0 0 0");
  detect();
  EXPECT_FALSE(sample().contains("diskio.mmcblk0.read"));
  advance_seconds(2);
  put_disk("mmcblk0", "  110 0 2004 10 60 0 1400 20 0 1400 30 0 0 0 0");
  const auto values = sample();
  EXPECT_EQ(number(values, "diskio.mmcblk0.read"), 4 * 512 / 2);
  EXPECT_EQ(number(values, "diskio.mmcblk0.written"), 400 * 512 / 2);
  EXPECT_EQ(number(values, "diskio.mmcblk0.busy"), 50);
  EXPECT_EQ(series().at("diskio.mmcblk0.written"), "By/s");
}

TEST_F(DisksTest, a_disk_is_never_more_than_busy_and_starts_anew_when_it_returns) {
  put_disk("sda", "1 0 100 1 1 0 100 1 0 1000 1");
  detect();
  sample();
  advance_seconds(1);
  put_disk("sda", "1 0 100 1 1 0 100 1 0 5000 1");
  EXPECT_EQ(number(sample(), "diskio.sda.busy"), 100);
  take_away("/sys/block/sda");
  advance_seconds(1);
  EXPECT_FALSE(sample().contains("diskio.sda.busy"));
  put_disk("sda", "9 0 900 1 1 0 900 1 0 9000 1");
  advance_seconds(1);
  EXPECT_FALSE(sample().contains("diskio.sda.read")) << "not as one burst";
  for (const char* nonsense : {"", "1 2 3", "x x x x x x x x x x x x"}) {
    put_disk("sda", nonsense);
    advance_seconds(1);
    EXPECT_FALSE(sample().contains("diskio.sda.read")) << nonsense;
  }
}

TEST_F(DisksTest, only_real_disks_are_told) {
  const char* const others[] = {"loop0", "ram1",         "zram0",       "dm-0",     "md127",
                                "sr0",   "mmcblk0boot0", "mmcblk0rpmb", "nvme0c1n1"};
  for (const char* name : others) put_disk(name, "1 1 1 1 1 1 1 1 1 1 1");
  put_disk("nbd0", "1 1 1 1 1 1 1 1 1 1 1", false);
  put_disk("nvme0n1", "1 1 1 1 1 1 1 1 1 1 1");
  for (int i = 0; i < 100; ++i) put_disk("sd" + std::to_string(i), "1 1 1 1 1 1 1 1 1 1 1");
  detect();
  EXPECT_TRUE(series().contains("diskio.nvme0n1.busy"));
  EXPECT_EQ(names_with("diskio.").size(), 16u * 3);
  for (const char* name : others) EXPECT_FALSE(series().contains(std::string("diskio.") + name + ".busy")) << name;
  EXPECT_FALSE(series().contains("diskio.nbd0.busy"));
}

}  // namespace
}  // namespace agent
