#include "device-agent/sensors/sensor_advice.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/device-agent/sensors/sensor_fixture.h"

namespace agent {
namespace {

class SensorAdviceTest : public SensorTest {
 protected:
  SensorAdviceTest() {
    question.root = folder_.path();
    question.user = {"device-agent", ::geteuid() + 1, {::getegid() + 1}};
    question.group_name = [](gid_t) { return std::string("i2c"); };
  }
  void be_a_raspberry_pi() {
    put("/proc/device-tree/model", std::string("Raspberry Pi 4 Model B Rev 1.4\0", 31));
    put("/boot/firmware/config.txt", "#dtparam=i2c_arm=on\ndtparam=audio=on\n");
  }
  /// "bad: what → fix" of each whose text has `part`.
  std::string advice(const std::string& part) {
    std::string all;
    for (const auto& a : sensor_advice(question)) {
      const char* level = a.level == AdviceLevel::bad ? "bad: " : a.level == AdviceLevel::hint ? "hint: " : "fine: ";
      if (a.what.find(part) != std::string::npos) all += level + a.what + " → " + a.fix + "\n";
    }
    return all;
  }
  AdviceQuestion question;
};

TEST_F(SensorAdviceTest, a_bare_raspberry_pi_is_told_the_lines_it_lacks) {
  be_a_raspberry_pi();
  EXPECT_EQ(advice("I2C"),
            "hint: no I2C bus, so no chip on it (BME280, BH1750, ADS1115 …) → remove the # before "
            "dtparam=i2c_arm=on in /boot/firmware/config.txt and restart\n");
  EXPECT_NE(advice("1-Wire").find("echo dtoverlay=w1-gpio | sudo tee -a /boot/firmware/config.txt && sudo reboot"),
            std::string::npos)
      << advice("");
  put("/boot/firmware/config.txt", "dtoverlay=w1-gpio\n");
  EXPECT_NE(advice("1-Wire").find("stands in /boot/firmware/config.txt already: restart"), std::string::npos);
  take_away("/boot/firmware");
  put("/boot/config.txt", "");
  EXPECT_NE(advice("1-Wire").find("tee -a /boot/config.txt"), std::string::npos) << "before bookworm";
}

TEST_F(SensorAdviceTest, another_machine_is_not_told_of_a_file_it_does_not_have) {
  EXPECT_EQ(advice("1-Wire").find("tee"), std::string::npos);
  EXPECT_NE(advice("1-Wire").find("dtoverlay=w1-gpio"), std::string::npos);
}

TEST_F(SensorAdviceTest, a_bus_without_a_chip_and_a_chip_without_a_driver_are_told) {
  be_a_raspberry_pi();
  put("/sys/bus/i2c/devices/i2c-1/name", "bcm2835\n");
  put("/sys/bus/i2c/devices/i2c-1/driver/x", "");
  EXPECT_NE(advice("no IIO chip").find("echo dtoverlay=i2c-sensor,bme280 | sudo tee"), std::string::npos);
  put("/sys/bus/i2c/devices/1-0076/name", "bme280\n");
  put("/sys/bus/i2c/devices/1-0076/modalias", "of:NsensorT(null)Cbosch,bme280\n");
  EXPECT_NE(advice("1-0076 (bme280) has no driver").find("sudo modprobe of:NsensorT(null)Cbosch,bme280"),
            std::string::npos);
  put("/sys/bus/i2c/devices/1-0076/driver/x", "");
  put("/sys/bus/iio/devices/iio:device0/name", "bme280\n");
  EXPECT_EQ(advice("IIO"), "fine: 1 IIO chip: bme280 → \n");
  EXPECT_EQ(advice("has no driver"), "");
}

TEST_F(SensorAdviceTest, one_wire_without_thermometers_without_driver_and_with_ghosts) {
  put("/sys/bus/w1/devices/w1_bus_master1/w1_master_slave_count", "0\n");
  EXPECT_NE(advice("no thermometer on it").find("4.7 kOhm"), std::string::npos);
  put("/sys/bus/w1/devices/00-400000000000/name", "x");
  EXPECT_NE(advice("not there").find("bad: "), std::string::npos);
  put("/sys/bus/w1/devices/28-a/name", "x");
  EXPECT_EQ(advice("without a driver"), "bad: 28-a: a thermometer without a driver → sudo modprobe w1-therm\n");
  put("/sys/bus/w1/devices/28-a/temperature", "1\n");
  EXPECT_EQ(advice("on 1-Wire"), "fine: 1 of DS18B20's kind on 1-Wire → \n");
  for (int i = 0; i < 20; ++i) put("/sys/bus/w1/devices/28-" + std::to_string(i) + "/temperature", "1\n");
  EXPECT_NE(advice("one after another").find("hint: 21 thermometers"), std::string::npos);
}

TEST_F(SensorAdviceTest, what_the_configuration_names_and_is_not_there_is_bad) {
  put("/sys/bus/w1/devices/28-a/temperature", "1\n");
  put("/sys/bus/iio/devices/iio:device0/name", "bme280\n");
  question.onewire.names = {{"28-a", "tank"}, {"28-b", "boiler"}};
  question.iio.names = {{"bme280", "attic"}, {"1-0044", "cellar"}};
  EXPECT_EQ(advice("names has"),
            "bad: iio.names has \"1-0044\" (cellar), and there is no such chip → one of these? bme280\n"
            "bad: onewire.names has \"28-b\" (boiler), which is not on the bus → one of these? 28-a\n");
}

TEST_F(SensorAdviceTest, a_file_the_service_may_not_read_is_named_with_the_fix) {
  const std::string file = "/sys/class/hwmon/hwmon0/power1_input";
  put("/sys/class/hwmon/hwmon0/name", "ina219\n");
  put(file, "1\n");
  ASSERT_EQ(::chmod((folder_.path() + file).c_str(), 0400), 0);
  EXPECT_EQ(advice("may not read"), "bad: " + folder_.path() + file +
                                        ": the user device-agent may not read it → sudo chmod a+r " + folder_.path() +
                                        file + " (a udev rule makes that last)\n");
  question.user.uid = 0;
  EXPECT_EQ(advice("may not read"), "");
}

TEST_F(SensorAdviceTest, a_missing_group_is_named_once_for_the_user_of_the_service) {
  for (const char* device : {"/dev/i2c-1", "/dev/i2c-2", "/dev/null0"}) {
    put(device, "");
    ASSERT_EQ(::chmod((folder_.path() + device).c_str(), 0660), 0);
  }
  EXPECT_EQ(advice("/dev/"),
            "hint: the user device-agent may not open /dev/i2c-1, which is needed for scripts that talk to I2C chips "
            "themselves → sudo usermod -aG i2c device-agent && sudo systemctl restart device-agent\n");
  question.user.groups.push_back(::getegid());
  EXPECT_EQ(advice("/dev/"), "");
}

TEST_F(SensorAdviceTest, a_weak_supply_is_bad) {
  put("/sys/class/hwmon/hwmon0/name", "rpi_volt\n");
  put("/sys/class/hwmon/hwmon0/in0_lcrit_alarm", "1\n");
  put("/sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
  EXPECT_NE(advice("under-voltage").find("bad: "), std::string::npos);
  EXPECT_EQ(advice("zone") + advice("hwmon chip"),
            "fine: 1 thermal zone: cpu-thermal → \nfine: 1 hwmon chip: rpi_volt → \n");
}

TEST_F(SensorAdviceTest, kinds_that_are_disabled_are_not_spoken_of) {
  be_a_raspberry_pi();
  question.host.enable = question.iio.enable = question.onewire.enable = false;
  EXPECT_EQ(advice(""), "");
}

TEST(ServiceUserTest, whoever_runs_this_may_read_his_own_files) {
  const ServiceUser user = find_service_user();
  EXPECT_FALSE(user.name.empty());
  EXPECT_FALSE(user.groups.empty());
  EXPECT_TRUE(may_read(user, "/proc/uptime"));
  EXPECT_TRUE(may_read(user, "/nowhere"));
}

}  // namespace
}  // namespace agent
