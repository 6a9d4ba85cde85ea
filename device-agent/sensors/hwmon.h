// Thermal zones and hwmon chips: temperatures, fans, voltages, currents, power, energy, humidity, PWM.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "device-agent/sensors/bus_sensor.h"
#include "device-agent/sensors/found_names.h"

namespace agent {

/// A chip keeps its series by where it is attached, whatever number the kernel gives it after it was away. At most 64
/// chips are known, present or not, and 64 channels of each; what comes later is left out and said.
class HwmonBus final : public Bus {
 public:
  HwmonBus(const std::string& root, Names names) : root_(root), names_(std::move(names)) {}
  std::vector<SeriesSpec> find() override;
  void read(BusRound& round) override;

 private:
  struct Channel {
    std::string path, fault_path;  // the latter may be empty
    SeriesSpec spec;
    double divisor, low, high;  // outside of low to high it is no measurement
  };
  struct Chip {
    std::string name, attached;  // the latter empty: to nothing, it is the kernel's own
    std::string number;          // of hwmonN, now
    std::string suffix;          // of its series: the number it had first
    bool is_here = false;
  };
  void find_zones();
  void find_chips();
  void find_channels(const Chip& chip);
  Chip* chip_of(const std::string& name, const std::string& attached, const std::string& number);
  void add(Channel channel);

  std::string root_;
  Names names_;
  std::vector<Chip> chips_;
  std::vector<Channel> channels_;
  std::set<std::string> taken_;  // series names of channels_
  std::int64_t found_us_ = 0, lost_until_us_ = 0;
  bool is_full_ = false;
};

}  // namespace agent
