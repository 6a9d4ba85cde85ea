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

TEST_F(SensorTest, each_core_has_a_series_of_its_own) {
  const std::string all = "cpu 2000 0 0 8000 0 0 0 0\n";
  put("/proc/stat", all + "cpu0 1000 0 0 4000 0 0 0 0\ncpu1 1000 0 0 4000 0 0 0 0\nintr 1\ncpu7 1 1 1 1 1 1\n");
  detect();
  EXPECT_EQ(names_with("cpu."), (std::set<std::string>{"cpu.usage", "cpu.iowait", "cpu.0.usage", "cpu.1.usage"}));
  sample();
  put("/proc/stat", all + "cpu0 1075 0 0 4025 0 0 0 0\ncpu2 50 0 0 50 0 0 0 0\n");  // cpu1 off, cpu2 on
  auto values = sample();
  EXPECT_EQ(number(values, "cpu.0.usage"), 75);
  EXPECT_FALSE(values.contains("cpu.1.usage"));
  EXPECT_FALSE(values.contains("cpu.2.usage")) << "there is nothing to compare with yet";
  put("/proc/stat", all + "cpu0 1075 0 0 4125 0 0 0 0\ncpu1 1100 0 0 4300 0 0 0 0\ncpu2 70 0 0 130 0 0 0 0\n");
  values = sample();
  EXPECT_EQ(number(values, "cpu.0.usage"), 0);
  EXPECT_EQ(number(values, "cpu.1.usage"), 25);
  EXPECT_EQ(number(values, "cpu.2.usage"), 20);
}

TEST_F(SensorTest, no_more_than_128_cores_are_followed) {
  std::string text = "cpu 1 1 1 1 1 1 1 1\n";
  for (int i = 0; i < 1'000; ++i) text += "cpu" + std::to_string(i) + " 1 1 1 1 1 1 1 1\n";
  put("/proc/stat", text);
  detect();
  sample();
  EXPECT_EQ(names_with("cpu.").size(), 130u);
}

TEST_F(SensorTest, processes_are_counted_and_those_that_run_and_wait_told) {
  put("/proc/stat", "cpu 1 0 0 1 0 0 0 0\nprocs_running 3\nprocs_blocked 1\n");
  for (const char* pid : {"1", "77", "4194304"}) put(std::string("/proc/") + pid + "/comm", "x\n");
  put("/proc/sys/kernel/pid_max", "1\n");
  detect();
  const auto values = sample();
  EXPECT_EQ(number(values, "processes.total"), 3);
  EXPECT_EQ(number(values, "processes.running"), 3);
  EXPECT_EQ(number(values, "processes.blocked"), 1);
  put("/proc/stat", "procs_running\nprocs_blocked many\n");
  EXPECT_FALSE(sample().contains("processes.running"));
}

TEST_F(SensorTest, slow_things_are_read_every_ten_seconds_and_all_as_rarely_as_asked) {
  put("/proc/stat", kBefore);
  const auto interval_of = [this](const std::string& name) {
    for (const auto& sensor : sensors_) {
      for (const auto& spec : sensor->series()) {
        if (spec.name == name) return sensor->interval_us();
      }
    }
    return std::int64_t{-1};
  };
  detect({true, 1'000'000, {}});
  EXPECT_EQ(interval_of("cpu.usage"), 1'000'000);
  EXPECT_EQ(interval_of("processes.total"), 10'000'000);
  detect({true, 60'000'000, {}});
  EXPECT_EQ(interval_of("cpu.usage"), 60'000'000);
  EXPECT_EQ(interval_of("disk.root.used"), 60'000'000);
  detect();
  EXPECT_EQ(interval_of("cpu.usage"), 0) << "as often as the agent's says, also when that changes";
  EXPECT_EQ(interval_of("disk.root.used"), 0);
  EXPECT_EQ(sensors_[0]->least_interval_us(), 0);
  EXPECT_TRUE(std::any_of(sensors_.begin(), sensors_.end(),
                          [](const auto& s) { return s->least_interval_us() == 10'000'000; }));
  detect({false, 0, {}});
  EXPECT_TRUE(sensors_.empty());
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
