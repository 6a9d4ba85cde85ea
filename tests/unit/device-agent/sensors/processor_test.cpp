#include "tests/unit/device-agent/sensors/sensor_fixture.h"

namespace agent {
namespace {

//                 user nice system idle iowait irq softirq steal guest guest_nice
const std::string kBefore = "cpu 1000 0 500 8000 100 0 0 0 400 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n";

TEST_F(SensorTest, processor_use_is_the_share_since_the_look_before) {
  put("/proc/stat", kBefore);
  detect();
  EXPECT_FALSE(sample().contains("cpu.usage")) << "there is nothing to compare with yet";
  put("/proc/stat", "cpu 1200 0 550 8700 150 0 0 0 600 0\n");  // 1,000 ticks: 250 busy, 50 waiting; guest is in user
  const auto values = sample();
  EXPECT_EQ(number(values, "cpu.usage"), 25);
  EXPECT_EQ(number(values, "cpu.iowait"), 5);
  EXPECT_EQ(series().at("cpu.usage"), "%");
}

TEST_F(SensorTest, processor_counters_that_go_back_a_little_stay_within_0_and_100) {
  put("/proc/stat", kBefore);
  detect();
  sample();
  put("/proc/stat", "cpu 1100 0 500 7990 60 0 0 0 400 0\n");  // idle and iowait went back, as proc(5) warns
  const auto values = sample();
  EXPECT_EQ(number(values, "cpu.usage"), 100);
  EXPECT_EQ(number(values, "cpu.iowait"), 0);
}

TEST_F(SensorTest, processor_counters_that_begin_anew_give_nothing_once) {
  put("/proc/stat", kBefore);
  detect();
  sample();
  put("/proc/stat", "cpu 10 0 5 80 5 0 0 0 0 0\n");
  EXPECT_FALSE(sample().contains("cpu.usage"));
  put("/proc/stat", "cpu 60 0 5 130 5 0 0 0 0 0\n");
  EXPECT_EQ(number(sample(), "cpu.usage"), 50);
}

TEST_F(SensorTest, a_malformed_processor_line_gives_nothing_and_spoils_nothing) {
  put("/proc/stat", kBefore);
  detect();
  sample();
  for (const char* nonsense : {"", "cpu\n", "cpu 1 2\n", "cpu 2000 x 900 9000 100 0 0 0\n", "intr 1 2 3 4 5 6 7 8\n"}) {
    put("/proc/stat", nonsense);
    EXPECT_FALSE(sample().contains("cpu.usage")) << nonsense;
  }
  put("/proc/stat", "cpu 1100 0 500 8300 100 0 0 0 0 0\n");
  EXPECT_EQ(number(sample(), "cpu.usage"), 25) << "since the last good look";
}

TEST_F(SensorTest, load_and_uptime_are_read_as_they_stand) {
  put("/proc/loadavg", "0.52 1.25 2.00 1/345 6789\n");
  put("/proc/uptime", "98765.43 1234.5\n");
  detect();
  const auto values = sample();
  EXPECT_EQ(number(values, "load.1m"), 0.52);
  EXPECT_EQ(number(values, "load.5m"), 1.25);
  EXPECT_EQ(number(values, "load.15m"), 2);
  EXPECT_EQ(number(values, "uptime"), 98'765.43);
  EXPECT_EQ(series().at("uptime"), "s");
}

TEST_F(SensorTest, a_file_that_vanishes_is_read_again_when_it_is_back) {
  put("/proc/uptime", "10.5 1\n");
  put("/proc/loadavg", "0.1 0.2 0.3 1/1 1\n");
  detect();
  take_away("/proc/uptime");
  const auto values = sample();
  EXPECT_FALSE(values.contains("uptime"));
  EXPECT_TRUE(values.contains("load.1m")) << "the others go on";
  put("/proc/uptime", "12.5 1\n");
  EXPECT_EQ(number(sample(), "uptime"), 12.5);
}

TEST_F(SensorTest, a_machine_without_files_has_only_its_disk) {
  detect();
  for (const auto& [name, unit] : series()) EXPECT_EQ(name.rfind("disk.", 0), 0u) << name;
}

}  // namespace
}  // namespace agent
