#include "tests/unit/device-agent/sensors/sensor_fixture.h"

namespace agent {
namespace {

TEST_F(SensorTest, thermal_zones_are_degrees_named_after_their_type) {
  put("/sys/class/thermal/thermal_zone0/temp", "48312\n");
  put("/sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
  put("/sys/class/thermal/thermal_zone1/temp", "-5500\n");
  put("/sys/class/thermal/cooling_device0/temp", "1\n");
  detect();
  const auto values = sample();
  EXPECT_EQ(number(values, "thermal.0.cpu-thermal"), 48.312);
  EXPECT_EQ(number(values, "thermal.1.thermal_zone1"), -5.5);
  EXPECT_EQ(names_with("thermal.").size(), 2u);
  EXPECT_EQ(series().at("thermal.0.cpu-thermal"), "Cel");
}

TEST_F(SensorTest, hwmon_channels_are_scaled_by_their_kind) {
  put("/sys/class/hwmon/hwmon2/name", "nct 6775\n");
  put("/sys/class/hwmon/hwmon2/temp1_input", "33500\n");
  put("/sys/class/hwmon/hwmon2/temp1_max", "90000\n");
  put("/sys/class/hwmon/hwmon2/fan1_input", "1180\n");
  put("/sys/class/hwmon/hwmon2/in0_input", "1216\n");
  put("/sys/class/hwmon/hwmon2/pwm1_input", "77\n");
  detect();
  const auto values = sample();
  EXPECT_EQ(number(values, "hwmon.nct_6775.temp1.2"), 33.5);
  EXPECT_EQ(number(values, "hwmon.nct_6775.fan1.2"), 1'180);
  EXPECT_EQ(number(values, "hwmon.nct_6775.in0.2"), 1.216);
  EXPECT_EQ(names_with("hwmon.").size(), 3u);
  EXPECT_EQ(series().at("hwmon.nct_6775.temp1.2"), "Cel");
  EXPECT_EQ(series().at("hwmon.nct_6775.fan1.2"), "/min");
  EXPECT_EQ(series().at("hwmon.nct_6775.in0.2"), "V");
}

TEST_F(SensorTest, two_chips_of_one_name_are_told_apart) {
  for (const char* chip : {"hwmon0", "hwmon1"}) {
    put(std::string("/sys/class/hwmon/") + chip + "/name", "nvme\n");
    put(std::string("/sys/class/hwmon/") + chip + "/temp1_input", "40000\n");
  }
  detect();
  EXPECT_EQ(names_with("hwmon."), (std::set<std::string>{"hwmon.nvme.temp1.0", "hwmon.nvme.temp1.1"}));
}

TEST_F(SensorTest, a_weak_supply_is_told) {
  put("/sys/class/hwmon/hwmon1/name", "rpi_volt\n");
  put("/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n");
  detect();
  EXPECT_EQ(number(sample(), "power.under_voltage"), 0);
  put("/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n");
  EXPECT_EQ(number(sample(), "power.under_voltage"), 1);
}

TEST_F(SensorTest, a_sensor_that_gives_nonsense_is_silent_until_it_does_not) {
  put("/sys/class/thermal/thermal_zone0/temp", "40000\n");
  put("/sys/class/thermal/thermal_zone0/type", "soc\n");
  detect();
  for (const char* nonsense : {"", "\n", "hot\n", "40 000\n", "4e999\n", "nan\n"}) {
    put("/sys/class/thermal/thermal_zone0/temp", nonsense);
    EXPECT_FALSE(sample().contains("thermal.0.soc")) << nonsense;
  }
  take_away("/sys/class/thermal/thermal_zone0");
  EXPECT_FALSE(sample().contains("thermal.0.soc"));
  put("/sys/class/thermal/thermal_zone0/temp", "41000\n");
  EXPECT_EQ(number(sample(), "thermal.0.soc"), 41);
}

TEST_F(SensorTest, every_name_is_one_the_hub_takes) {
  put("/sys/class/thermal/thermal_zone0/temp", "40000\n");
  put("/sys/class/thermal/thermal_zone0/type", "soc °C / left side, " + std::string(200, 'x') + "\n");
  put("/sys/class/net/wlan0@if3/statistics/rx_bytes", "1\n");
  put("/sys/class/net/wlan0@if3/statistics/tx_bytes", "1\n");
  detect();
  EXPECT_EQ(names_with("thermal.").size(), 1u);
  EXPECT_EQ(names_with("net.").size(), 2u);
  for (const auto& [name, unit] : series()) {
    EXPECT_LE(name.size(), 128u);
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-"),
              std::string::npos)
        << name;
  }
}

TEST(SimulatedSensors, the_same_seed_is_the_same_device) {
  const auto run = [](std::uint64_t seed) {
    const Sensors sensors = make_simulated_sensors(seed);
    std::vector<std::pair<std::size_t, Value>> values;
    for (int i = 0; i < 500; ++i) {
      std::vector<Sample> samples;
      sensors[0]->sample({1'700'000'000'000'000 + i * 1'000'000, i * 1'000'000}, samples);
      for (auto& s : samples) values.emplace_back(s.index, s.value);
    }
    return values;
  };
  const auto first = run(1);
  EXPECT_EQ(first, run(1));
  EXPECT_NE(first, run(2));
  ASSERT_GE(first.size(), 7u);
  EXPECT_TRUE(std::holds_alternative<bool>(first[4].second));
  EXPECT_TRUE(std::holds_alternative<std::string>(first[5].second));
}

}  // namespace
}  // namespace agent
