#include "device-agent/sensors/iio.h"

#include "tests/unit/device-agent/sensors/sensor_fixture.h"

namespace agent {
namespace {

class IioTest : public SensorTest {
 protected:
  void look(const KindOptions& options = {}) {
    sensors_.clear();
    add_iio_sensor(folder_.path(), options, sensors_);
  }
  /// A chip as the kernel shows it: a link into the folder of its bus address.
  void put_chip(const std::string& number, const std::string& address, const std::string& name) {
    const std::string device = "/sys/devices/i2c-1/" + address + "/iio:device" + number;
    put(device + "/name", name + "\n");
    link("/sys/bus/iio/devices/iio:device" + number, device);
  }
  void set(const std::string& number, const std::string& file, const std::string& text) {
    put("/sys/bus/iio/devices/iio:device" + number + "/" + file, text + "\n");
  }
};

TEST_F(IioTest, a_bme280_is_degrees_pascal_and_percent) {
  put_chip("0", "1-0076", "bme280");
  set("0", "in_temp_input", "21340");
  set("0", "in_pressure_input", "101.325468750");
  set("0", "in_humidityrelative_input", "45678");
  set("0", "in_temp_oversampling_ratio", "2");
  look();
  const auto values = sample();
  EXPECT_EQ(number(values, "iio.bme280.1-0076.temperature"), 21.34);
  EXPECT_NEAR(number(values, "iio.bme280.1-0076.pressure"), 101'325.46875, 1e-3);
  EXPECT_EQ(number(values, "iio.bme280.1-0076.humidity"), 45.678);
  EXPECT_EQ(series(), (std::map<std::string, std::string>{{"iio.bme280.1-0076.temperature", "Cel"},
                                                          {"iio.bme280.1-0076.pressure", "Pa"},
                                                          {"iio.bme280.1-0076.humidity", "%"}}));
  EXPECT_EQ(problems(), "\n");
}

TEST_F(IioTest, raw_values_are_scaled_by_their_own_or_their_type_s_scale_and_offset) {
  put_chip("0", "48000000.adc", "adc");
  set("0", "in_voltage0_raw", "2048");
  set("0", "in_voltage1_raw", "1000");
  set("0", "in_voltage1_scale", "2.5");
  set("0", "in_voltage1_offset", "-500");
  set("0", "in_voltage_scale", "0.805664062");
  set("0", "in_voltage2-voltage3_raw", "-10");
  set("0", "in_accel_x_raw", "-1024");
  set("0", "in_accel_scale", "0.009582");
  set("0", "in_magn_z_raw", "500");
  set("0", "in_magn_scale", "0.001");
  set("0", "in_temp_raw", "400");
  set("0", "in_temp_offset", "100");
  set("0", "in_temp_scale", "50");
  set("0", "out_voltage0_raw", "1");
  look();
  const auto values = sample();
  const std::string chip = "iio.adc.48000000_adc.";
  EXPECT_NEAR(number(values, chip + "voltage0"), 1.65, 1e-6);
  EXPECT_DOUBLE_EQ(number(values, chip + "voltage1"), 1.25);
  EXPECT_NEAR(number(values, chip + "voltage2-voltage3"), -0.00805664062, 1e-9);
  EXPECT_NEAR(number(values, chip + "acceleration_x"), -9.811968, 1e-9);
  EXPECT_NEAR(number(values, chip + "magnetic_field_z"), 5e-5, 1e-12);
  EXPECT_DOUBLE_EQ(number(values, chip + "temperature"), 25);
  EXPECT_EQ(values.size(), 6u);
  EXPECT_EQ(series().at(chip + "acceleration_x"), "m/s2");
  EXPECT_EQ(series().at(chip + "magnetic_field_z"), "T");
}

TEST_F(IioTest, what_the_driver_has_scaled_wins_over_the_raw_value) {
  put_chip("0", "1-0029", "tsl2563");
  set("0", "in_illuminance_input", "120");
  set("0", "in_illuminance_raw", "7");
  set("0", "in_intensity_both_raw", "99");
  look();
  EXPECT_EQ(sample(), (std::map<std::string, Value>{{"iio.tsl2563.1-0029.illuminance", 120.0},
                                                    {"iio.tsl2563.1-0029.intensity_both", 99.0}}));
}

TEST_F(IioTest, a_chip_keeps_its_name_whatever_its_number) {
  put_chip("0", "1-0076", "bme280");
  set("0", "in_temp_input", "1000");
  put_chip("1", "1-0077", "bme280");
  set("1", "in_temp_input", "2000");
  look();
  EXPECT_EQ(number(sample(), "iio.bme280.1-0077.temperature"), 2);
  take_away("/sys/bus/iio/devices/iio:device0");
  take_away("/sys/bus/iio/devices/iio:device1");
  put_chip("5", "1-0077", "bme280");
  set("5", "in_temp_input", "3000");
  sample();
  const auto values = sample();
  EXPECT_EQ(number(values, "iio.bme280.1-0077.temperature"), 3);
  EXPECT_FALSE(values.contains("iio.bme280.1-0076.temperature"));
}

TEST_F(IioTest, chips_and_channels_get_the_names_that_were_given) {
  put_chip("0", "1-0076", "bme280");
  set("0", "in_temp_input", "1000");
  set("0", "in_pressure_input", "100");
  put_chip("1", "1-0077", "bme280");
  set("1", "in_temp_input", "2000");
  put_chip("2", "1-0044", "sht3x");
  set("2", "label", "attic");
  set("2", "in_temp_input", "3000");
  look({true, 0, {{"1-0076", "greenhouse"}, {"iio.bme280.1-0076.pressure", "weather.pressure"}}});
  EXPECT_EQ(names_with(""), (std::set<std::string>{"greenhouse.temperature", "weather.pressure",
                                                   "iio.bme280.1-0077.temperature", "iio.attic.temperature"}));
  look({true, 0, {{"bme280", "both"}, {"attic", "roof"}}});
  EXPECT_EQ(names_with(""),
            (std::set<std::string>{"both.temperature", "both.pressure", "both.1.temperature", "roof.temperature"}))
      << "two of one name are told apart";
}

TEST_F(IioTest, no_chip_and_a_disabled_kind_is_no_sensor) {
  look();
  EXPECT_TRUE(sensors_.empty());
  put("/sys/bus/iio/devices/trigger0/name", "x\n");
  look();
  EXPECT_TRUE(sensors_.empty());
  put_chip("0", "1-0076", "bme280");
  look({false, 0, {}});
  EXPECT_TRUE(sensors_.empty());
}

TEST_F(IioTest, garbage_and_absurd_values_are_no_readings_and_hurt_nobody) {
  put_chip("0", "1-0076", "bme280");
  set("0", "in_pressure_input", "100");
  look();
  for (const char* nonsense : {"", "hot", "1 2 3 4", "nan", "1e999", "-400000", "99999999999"}) {
    set("0", "in_temp_input", nonsense);
    look();
    const auto values = sample();
    EXPECT_FALSE(values.contains("iio.bme280.1-0076.temperature")) << nonsense;
    EXPECT_EQ(number(values, "iio.bme280.1-0076.pressure"), 100'000);
  }
  set("0", "in_temp_input", std::string(1'000'000, '1'));
  EXPECT_FALSE(sample().contains("iio.bme280.1-0076.temperature"));
  EXPECT_NE(problems().find("File too large"), std::string::npos) << problems();
  set("0", "in_temp_input", "20000");
  set("0", "in_voltage0_raw", "1");
  set("0", "in_voltage_scale", "garbage");
  look();
  EXPECT_FALSE(sample().contains("iio.bme280.1-0076.voltage0")) << "without its scale it says nothing";
  EXPECT_NE(problems().find("is no number"), std::string::npos) << problems();
}

TEST_F(IioTest, thousands_of_chips_are_cut_at_a_bound_that_is_said) {
  for (int i = 0; i < 2'000; ++i) {
    put("/sys/bus/iio/devices/iio:device" + std::to_string(i) + "/name", "c\n");
    set(std::to_string(i), "in_temp_input", "1000");
  }
  for (int i = 0; i < 500; ++i) set("0", "in_voltage" + std::to_string(i) + "_raw", "1");
  look();
  EXPECT_EQ(sample().size(), 63u + 64u);
  EXPECT_NE(problems().find("more than 64 chips"), std::string::npos);
}

TEST(IioChannel, a_channel_says_where_its_scale_may_stand) {
  const auto channel = parse_iio_channel("in_voltage0-voltage1_raw");
  ASSERT_TRUE(channel);
  EXPECT_EQ(channel->scales, (std::vector<std::string>{"in_voltage0-voltage1_scale", "in_voltage-voltage_scale",
                                                       "in_voltage0_scale", "in_voltage_scale", "in_scale", "scale"}));
  for (const char* other : {"in_temp_scale", "name", "in__raw", "_raw", "in_raw", "in_", "", "out_current0_raw",
                            "in_0_raw", "in_timestamp_en"}) {
    EXPECT_FALSE(parse_iio_channel(other)) << other;
  }
  const auto unknown = parse_iio_channel("in_flavour3_input");
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->name + unknown->unit, "flavour3");
}

}  // namespace
}  // namespace agent
