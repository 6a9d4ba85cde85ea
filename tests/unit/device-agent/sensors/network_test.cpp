#include "tests/unit/device-agent/sensors/sensor_fixture.h"

namespace agent {
namespace {

class NetworkTest : public SensorTest {
 protected:
  void put_interface(const std::string& name, const std::string& received, const std::string& sent) {
    put("/sys/class/net/" + name + "/statistics/rx_bytes", received + "\n");
    put("/sys/class/net/" + name + "/statistics/tx_bytes", sent + "\n");
  }
};

TEST_F(NetworkTest, rates_are_bytes_a_second_since_the_look_before) {
  put_interface("eth0", "1000", "500");
  detect();
  EXPECT_FALSE(sample().contains("net.eth0.received"));
  advance_seconds(2);
  put_interface("eth0", "5000", "1500");
  const auto values = sample();
  EXPECT_EQ(number(values, "net.eth0.received"), 2'000);
  EXPECT_EQ(number(values, "net.eth0.sent"), 500);
  EXPECT_EQ(series().at("net.eth0.sent"), "By/s");
}

TEST_F(NetworkTest, a_wall_clock_that_jumps_does_not_touch_a_rate) {
  put_interface("eth0", "1000", "500");
  detect();
  sample();
  now_.boot_us += 1'000'000;
  now_.wall_us += 3'600'000'000'000;  // the first synchronisation after a start
  put_interface("eth0", "2000", "500");
  EXPECT_EQ(number(sample(), "net.eth0.received"), 1'000);
  now_.boot_us += 1'000'000;
  now_.wall_us -= 3'600'000'000'000;
  put_interface("eth0", "4000", "500");
  EXPECT_EQ(number(sample(), "net.eth0.received"), 2'000);
}

TEST_F(NetworkTest, a_counter_that_goes_back_gives_nothing_once) {
  put_interface("wlan0", "4294967000", "10");  // 32 bits wide in some drivers
  detect();
  sample();
  advance_seconds(1);
  put_interface("wlan0", "704", "20");
  auto values = sample();
  EXPECT_FALSE(values.contains("net.wlan0.received")) << "a wrap is no rate";
  EXPECT_EQ(number(values, "net.wlan0.sent"), 10) << "the other counter goes on";
  advance_seconds(1);
  put_interface("wlan0", "1704", "30");
  EXPECT_EQ(number(sample(), "net.wlan0.received"), 1'000);
}

TEST_F(NetworkTest, an_interface_that_vanishes_and_returns_starts_anew) {
  put_interface("usb0", "1000", "1000");
  detect();
  sample();
  take_away("/sys/class/net/usb0");
  advance_seconds(1);
  EXPECT_FALSE(sample().contains("net.usb0.received"));
  put_interface("usb0", "900000", "900000");
  advance_seconds(1);
  EXPECT_FALSE(sample().contains("net.usb0.received")) << "not as one burst of all it counted meanwhile";
  advance_seconds(1);
  put_interface("usb0", "900100", "900000");
  EXPECT_EQ(number(sample(), "net.usb0.received"), 100);
}

TEST_F(NetworkTest, two_looks_at_the_same_instant_divide_by_nothing) {
  put_interface("eth0", "1000", "500");
  detect();
  sample();
  put_interface("eth0", "2000", "600");
  EXPECT_FALSE(sample().contains("net.eth0.received"));
}

TEST_F(NetworkTest, the_loopback_and_what_is_no_interface_are_left_out) {
  put_interface("lo", "1", "1");
  put_interface("veth12ab", "1", "1");
  put_interface("eth0", "1", "1");
  put_interface("enp3s0.100", "1", "1");
  put("/sys/class/net/bonding_masters", "bond0\n");
  put("/sys/class/net/odd/statistics/rx_bytes", "many\n");
  detect();
  EXPECT_EQ(names_with("net."), (std::set<std::string>{"net.eth0.received", "net.eth0.sent", "net.enp3s0_100.received",
                                                       "net.enp3s0_100.sent"}));
}

TEST_F(NetworkTest, no_more_than_sixteen_interfaces_are_followed) {
  for (int i = 0; i < 40; ++i) put_interface("tap" + std::to_string(i), "1", "1");
  detect();
  EXPECT_EQ(names_with("net.").size(), 32u);
}

TEST_F(NetworkTest, an_interface_plugged_in_later_is_found_by_asking_again) {
  put_interface("eth0", "1", "1");
  detect();
  put_interface("wlan1", "1", "1");
  EXPECT_FALSE(series().contains("net.wlan1.sent"));
  detect();
  EXPECT_TRUE(series().contains("net.wlan1.sent"));
}

TEST_F(NetworkTest, errors_and_drops_are_told_both_ways_together) {
  put_interface("eth0", "1", "1");
  const auto put_trouble = [this](const std::string& errors, const std::string& drops) {
    for (const char* way : {"rx", "tx"}) {
      put(std::string("/sys/class/net/eth0/statistics/") + way + "_errors", errors + "\n");
      put(std::string("/sys/class/net/eth0/statistics/") + way + "_dropped", drops + "\n");
    }
  };
  put_trouble("0", "5");
  detect();
  EXPECT_FALSE(sample().contains("net.eth0.errors"));
  advance_seconds(10);
  put_trouble("10", "6");
  const auto values = sample();
  EXPECT_EQ(number(values, "net.eth0.errors"), 2);
  EXPECT_EQ(number(values, "net.eth0.drops"), 0.2);
  EXPECT_EQ(series().at("net.eth0.drops"), "/s");
}

}  // namespace
}  // namespace agent
