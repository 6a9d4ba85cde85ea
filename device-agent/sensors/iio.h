// Chips on the industrial I/O bus: BME280, light, acceleration, converters, whatever driver is bound.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "device-agent/sensors/bus_sensor.h"
#include "device-agent/sensors/found_names.h"
#include "device-agent/sensors/iio_channel.h"

namespace agent {

/// At most 64 chips with 64 channels each; more are left out and said.
class IioBus final : public Bus {
 public:
  IioBus(const std::string& root, Names names) : root_(root), names_(std::move(names)) {}
  std::vector<SeriesSpec> find() override;
  void read(BusRound& round) override;

 private:
  struct Channel {
    std::string folder;
    IioChannel is;
    SeriesSpec spec;
    bool is_scaled = false;  // scale and offset were read
    double scale = 1, offset = 0;
  };
  bool learn_scale(BusRound& round, Channel& channel);

  std::string root_;
  Names names_;
  std::vector<Channel> channels_;
  std::int64_t found_us_ = 0, lost_until_us_ = 0;
  bool is_full_ = false;
};

/// Adds the bus where it has a chip.
void add_iio_sensor(const std::string& root, const KindOptions& options, Sensors& out);

/// What a chip is called in series: "bme280.1-0076", its label where the device tree gives one.
struct IioChip {
  std::string entry;                 // "iio:device0"
  std::string name, address, label;  // the latter two may be empty
};
std::vector<IioChip> list_iio_chips(const std::string& root);

}  // namespace agent
