#include "device-agent/sensors/onewire.h"

#include <atomic>

#include "tests/unit/device-agent/sensors/sensor_fixture.h"

namespace agent {
namespace {

class OneWireTest : public SensorTest {
 protected:
  void look(const KindOptions& options = {}) {
    sensors_.clear();
    add_onewire_sensor(folder_.path(), options, sensors_);
  }
  void put_thermometer(const std::string& id, const std::string& temperature) {
    put("/sys/bus/w1/devices/" + id + "/temperature", temperature + "\n");
  }
  void put_slave(const std::string& id, const std::string& text) {
    put("/sys/bus/w1/devices/" + id + "/w1_slave", text);
  }
};

TEST_F(OneWireTest, a_thermometer_is_degrees_every_ten_seconds) {
  put_thermometer("28-0316a2798dff", "23125");
  look();
  ASSERT_EQ(sensors_.size(), 1u);
  EXPECT_EQ(sensors_[0]->interval_us(), 10'000'000);
  EXPECT_EQ(sensors_[0]->kind(), "onewire");
  EXPECT_EQ(number(sample(), "onewire.28-0316a2798dff"), 23.125);
  EXPECT_EQ(series().at("onewire.28-0316a2798dff"), "Cel");
  look({true, 60'000'000, {{"28-0316a2798dff", "tank.top"}}});
  EXPECT_EQ(sensors_[0]->interval_us(), 60'000'000);
  EXPECT_EQ(number(sample(), "tank.top"), 23.125);
}

TEST_F(OneWireTest, all_families_of_thermometers_are_read_and_nothing_else) {
  for (const char* id : {"10-1", "22-1", "28-1", "3b-1", "42-1", "29-1", "26-1", "00-8000"})
    put_thermometer(id, "1000");
  put("/sys/bus/w1/devices/w1_bus_master1/w1_master_slave_count", "8\n");
  look();
  EXPECT_EQ(sample().size(), 5u);
}

TEST_F(OneWireTest, one_plugged_in_later_is_read_and_one_unplugged_is_silent) {
  put_thermometer("28-a", "1000");
  look();
  sample();
  put_thermometer("28-b", "2000");
  EXPECT_EQ(number(sample(), "onewire.28-b"), 2);
  take_away("/sys/bus/w1/devices/28-a");
  EXPECT_FALSE(sample().contains("onewire.28-a"));
  put_thermometer("28-a", "3000");
  EXPECT_EQ(number(sample(), "onewire.28-a"), 3);
}

TEST_F(OneWireTest, an_old_kernel_s_file_is_read_with_its_checksum) {
  put_slave("28-a", "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=-10125\n");
  look();
  EXPECT_EQ(number(sample(), "onewire.28-a"), -10.125);
  put_slave("28-a", "72 01 4b 46 7f ff 0e 10 57 : crc=58 NO\n72 01 4b 46 7f ff 0e 10 57 t=23125\n");
  EXPECT_TRUE(sample().empty());
  EXPECT_NE(problems().find("28-a: the checksum does not hold"), std::string::npos) << problems();
  put_slave("28-a", "00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n");
  EXPECT_TRUE(sample().empty()) << "a line held down";
  for (const char* nonsense : {"", "YES", "YES\nt=1", "a\nb\nc", "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n",
                               "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\nt=x"}) {
    EXPECT_FALSE(parse_w1_slave(nonsense)) << nonsense;
  }
}

TEST_F(OneWireTest, the_value_after_power_on_is_no_reading_unless_it_really_is_that_hot) {
  put_thermometer("28-a", "85000");
  look();
  EXPECT_TRUE(sample().empty());
  EXPECT_NE(problems().find("after power-on"), std::string::npos) << problems();
  put_thermometer("28-a", "20000");
  EXPECT_EQ(sample().size(), 1u);
  put_thermometer("28-a", "85000");
  EXPECT_TRUE(sample().empty()) << "from 20 °C at once";
  put_thermometer("28-a", "84500");
  EXPECT_EQ(sample().size(), 1u);
  put_thermometer("28-a", "85000");
  EXPECT_EQ(number(sample(), "onewire.28-a"), 85) << "a boiler that passes there";
}

TEST_F(OneWireTest, garbage_is_no_reading_and_hurts_nobody) {
  put_thermometer("28-b", "20000");
  for (const std::string& nonsense : {std::string(), std::string("warm"), std::string("200000"), std::string("-60000"),
                                      std::string(1'000'000, '9')}) {
    put_thermometer("28-a", nonsense);
    look();
    EXPECT_EQ(sample(), (std::map<std::string, Value>{{"onewire.28-b", 20.0}})) << nonsense.substr(0, 20);
  }
}

TEST_F(OneWireTest, thousands_of_thermometers_are_cut_at_a_bound_that_is_said) {
  for (int i = 0; i < 2'000; ++i) put_thermometer("28-" + std::to_string(i), "1000");
  look();
  EXPECT_EQ(sample().size(), 128u);
  EXPECT_NE(problems().find("more than 128"), std::string::npos);
}

/// A kernel with bulk conversion: the first looks say that it goes on.
class BulkFiles final : public BusFiles {
 public:
  FileText read(const std::string& path) override {
    if (path.find("therm_bulk_read") != std::string::npos) return {0, ++looks < 3 ? "-1\n" : "1\n"};
    EXPECT_EQ(looks, 3) << "read before the conversion was over";
    return {0, "25000\n"};
  }
  int write(const std::string& path, const std::string& text) override {
    EXPECT_EQ(text, "trigger\n");
    EXPECT_NE(path.find("w1_bus_master1/therm_bulk_read"), std::string::npos);
    ++triggers;
    return refuses ? EACCES : 0;
  }
  bool refuses = false;
  int looks = 0, triggers = 0;
};

TEST_F(OneWireTest, all_convert_at_once_where_the_kernel_can) {
  put_thermometer("28-a", "");
  put_thermometer("28-b", "");
  put("/sys/bus/w1/devices/w1_bus_master1/therm_bulk_read", "0\n");
  const auto files = std::make_shared<BulkFiles>();
  BusOptions options;
  options.kind = "onewire";
  options.files = files;
  sensors_.push_back(std::make_unique<BusSensor>(options, std::make_unique<OneWireBus>(folder_.path(), Names{})));
  EXPECT_EQ(sample().size(), 2u);
  sensors_.clear();  // joins its thread
  EXPECT_EQ(files->looks, 3);
  EXPECT_GE(files->triggers, 1);
}

TEST_F(OneWireTest, where_this_user_may_not_start_it_each_converts_by_itself) {
  put_thermometer("28-a", "");
  put("/sys/bus/w1/devices/w1_bus_master1/therm_bulk_read", "0\n");
  const auto files = std::make_shared<BulkFiles>();
  files->refuses = true;
  files->looks = 3;
  BusOptions options;
  options.kind = "onewire";
  options.files = files;
  sensors_.push_back(std::make_unique<BusSensor>(options, std::make_unique<OneWireBus>(folder_.path(), Names{})));
  EXPECT_EQ(number(sample(), "onewire.28-a"), 25);
  EXPECT_EQ(problems(), "\n");
}

}  // namespace
}  // namespace agent
