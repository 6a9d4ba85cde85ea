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
  put("/sys/class/thermal/thermal_zone0/type", "soc\n");
  put("/sys/class/thermal/thermal_zone0/temp", "41000\n");
  EXPECT_EQ(number(sample(), "thermal.0.soc"), 41);
}

TEST_F(SensorTest, every_kind_of_hwmon_channel_has_its_unit) {
  const std::string chip = "/sys/class/hwmon/hwmon0/";
  put(chip + "name", "chip\n");
  const struct {
    const char *file, *text, *channel, *unit;
    double value;
  } channels[] = {{"curr1_input", "-1500", "curr1", "A", -1.5},         {"power1_input", "2500000", "power1", "W", 2.5},
                  {"power2_average", "1000000", "power2", "W", 1},      {"energy1_input", "3000000", "energy1", "J", 3},
                  {"humidity1_input", "45600", "humidity1", "%", 45.6}, {"pwm1", "255", "pwm1", "%", 100},
                  {"freq1_input", "1800000000", "freq1", "Hz", 1.8e9}};
  for (const auto& c : channels) put(chip + c.file, std::string(c.text) + "\n");
  for (const char* other : {"pwm1_enable", "power1_cap", "in0_min", "temp1_crit_alarm", "fan1_pulses",
                            "update_interval", "temp_input", "temp1x_input"}) {
    put(chip + other, "1\n");
  }
  detect();
  const auto values = sample();
  for (const auto& c : channels) {
    const std::string name = std::string("hwmon.chip.") + c.channel + ".0";
    EXPECT_DOUBLE_EQ(number(values, name), c.value) << name;
    EXPECT_EQ(series()[name], c.unit) << name;
  }
  EXPECT_EQ(names_with("hwmon.").size(), std::size(channels));
}

TEST_F(SensorTest, a_chip_that_comes_back_under_another_number_keeps_its_series) {
  const auto put_chip = [this](const std::string& number, const std::string& device, const std::string& value) {
    put("/sys/devices/" + device + "/uevent", "");
    link("/sys/class/hwmon/hwmon" + number + "/device", "/sys/devices/" + device);
    put("/sys/class/hwmon/hwmon" + number + "/name", "lm75\n");
    put("/sys/class/hwmon/hwmon" + number + "/temp1_input", value);
  };
  put_chip("1", "1-0048", "48000");
  put_chip("2", "1-0049", "49000");
  detect();
  EXPECT_EQ(number(sample(), "hwmon.lm75.temp1.1"), 48);
  take_away("/sys/class/hwmon/hwmon1");
  take_away("/sys/class/hwmon/hwmon2");
  put_chip("2", "1-0048", "48500");
  put_chip("5", "1-0049", "49500");
  sample();  // sees that what it knew is not there, and looks for it from now on
  const auto values = sample();
  EXPECT_EQ(number(values, "hwmon.lm75.temp1.1"), 48.5);
  EXPECT_EQ(number(values, "hwmon.lm75.temp1.2"), 49.5);
  EXPECT_EQ(names_with("hwmon.").size(), 2u);
}

TEST_F(SensorTest, a_chip_of_the_kernel_s_own_is_known_again_too) {
  put("/sys/class/hwmon/hwmon0/name", "cpu_thermal\n");
  put("/sys/class/hwmon/hwmon0/temp1_input", "40000\n");
  detect();
  EXPECT_EQ(number(sample(), "hwmon.cpu_thermal.temp1.0"), 40);
  take_away("/sys/class/hwmon/hwmon0");
  put("/sys/class/hwmon/hwmon3/name", "cpu_thermal\n");
  put("/sys/class/hwmon/hwmon3/temp1_input", "41000\n");
  sample();
  EXPECT_EQ(number(sample(), "hwmon.cpu_thermal.temp1.0"), 41);
}

TEST_F(SensorTest, a_channel_is_renamed_by_its_name_or_its_label) {
  const std::string chip = "/sys/class/hwmon/hwmon4/";
  put(chip + "name", "nct6775\n");
  put(chip + "temp1_input", "30000\n");
  put(chip + "temp1_label", "SYSTIN\n");
  put(chip + "fan2_input", "900\n");
  put(chip + "in0_input", "1000\n");
  detect({true, 0, {{"hwmon.nct6775.SYSTIN", "case.temperature"}, {"hwmon.nct6775.fan2", "case.fan"}}});
  EXPECT_EQ(names_with(""),
            (std::set<std::string>{"case.temperature", "case.fan", "hwmon.nct6775.in0.4", "disk.root.used",
                                   "disk.root.free", "disk.root.usage", "disk.root.files", "disk.root.read_only"}));
  EXPECT_EQ(number(sample(), "case.temperature"), 30);
  for (const auto& spec : sensors_.back()->series()) {
    EXPECT_EQ(spec.label, spec.name == "case.temperature" ? "SYSTIN" : "");
  }
}

TEST_F(SensorTest, a_faulty_or_absurd_channel_gives_nothing) {
  const std::string chip = "/sys/class/hwmon/hwmon0/";
  put(chip + "name", "x\n");
  put(chip + "temp1_input", "25000\n");
  put(chip + "temp1_fault", "1\n");
  put(chip + "temp2_input", "-300000\n");
  put(chip + "temp3_input", "2147483647\n");
  put(chip + "fan1_input", "-1\n");
  put(chip + "in0_input", "5000\n");
  put(chip + "in1_input", std::string(1'000'000, '7'));
  detect();
  auto values = sample();
  EXPECT_EQ(number(values, "hwmon.x.in0.0"), 5) << "the others go on";
  for (const char* silent : {"temp1", "temp2", "temp3", "fan1", "in1"}) {
    EXPECT_FALSE(values.contains(std::string("hwmon.x.") + silent + ".0")) << silent;
  }
  EXPECT_NE(problems().find("in1_input: File too large"), std::string::npos) << problems();
  put(chip + "temp1_fault", "0\n");
  EXPECT_EQ(number(sample(), "hwmon.x.temp1.0"), 25);
}

TEST_F(SensorTest, thousands_of_chips_are_cut_at_a_bound_that_is_said) {
  for (int i = 0; i < 3'000; ++i) {
    const std::string chip = "/sys/class/hwmon/hwmon" + std::to_string(i) + "/";
    put(chip + "name", "c\n");
    put(chip + "temp1_input", "1000\n");
  }
  for (int i = 0; i < 500; ++i) put("/sys/class/hwmon/hwmon0/in" + std::to_string(i) + "_input", "1000\n");
  detect();
  const auto values = sample();
  const auto told = std::count_if(values.begin(), values.end(), [](const auto& v) { return v.first[0] == 'h'; });
  EXPECT_EQ(told, 64 + 63);
  EXPECT_NE(problems().find("more than 64 chips"), std::string::npos);
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
