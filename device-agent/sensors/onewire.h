// Thermometers on a 1-Wire bus: DS18B20 and its family.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "device-agent/sensors/bus_sensor.h"
#include "device-agent/sensors/found_names.h"

namespace agent {

/// A conversion takes 750 ms: all thermometers of a bus convert at once where the kernel can (therm_bulk_read) and lets
/// this user write there; else one after another. What is plugged in is found at each round. At most 128 thermometers;
/// more are left out and said.
class OneWireBus final : public Bus {
 public:
  OneWireBus(const std::string& root, Names names) : root_(root), names_(std::move(names)) {}
  std::vector<SeriesSpec> find() override;
  void read(BusRound& round) override;

 private:
  SeriesSpec spec_of(const std::string& id) const;
  void convert_all(BusRound& round);
  void read_one(BusRound& round, const std::string& id);

  std::string root_;
  Names names_;
  std::vector<std::string> ids_, masters_;
  struct Last {
    double celsius;
    std::int64_t boot_us;
  };
  std::map<std::string, Last> last_;  // by id; of those present
  bool is_full_ = false;
};

/// 10, 22, 28, 3b and 42 are thermometers.
bool is_thermometer(const std::string& id);

/// °C in a w1_slave file ("… : crc=5c YES\n… t=23125"); nothing where the checksum does not hold.
std::optional<double> parse_w1_slave(const std::string& text);

/// Adds the bus where it has a thermometer.
void add_onewire_sensor(const std::string& root, const KindOptions& options, Sensors& out);

}  // namespace agent
