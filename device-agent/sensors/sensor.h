// What every sensor kind is to the agent.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace agent {

enum class ValueType : std::uint8_t { number = 1, boolean = 2, string = 3 };  // as telemetry.v1.ValueType
using Value = std::variant<double, bool, std::string>;

struct SeriesSpec {
  std::string name;  // [A-Za-z0-9_.:-]{1,128}
  std::string unit;  // UCUM where there is one
  ValueType type = ValueType::number;
};

/// One value of one series of a sensor: `index` into Sensor::series().
struct Sample {
  std::size_t index = 0;
  Value value;
};

/// When a sample is taken. Rates go by boot time, which never jumps.
struct SampleTime {
  std::int64_t wall_us = 0, boot_us = 0;
};

/// Reads one source. Used from the agent's one thread; sample() must not wait for anything but local files. A source
/// that vanishes or gives nonsense leaves its samples out; the sensor stays and tries again at the next call.
class Sensor {
 public:
  virtual ~Sensor() = default;
  virtual const std::vector<SeriesSpec>& series() const = 0;
  virtual void sample(const SampleTime& now, std::vector<Sample>& out) = 0;
};

using Sensors = std::vector<std::unique_ptr<Sensor>>;

/// Every host sensor found below `root` now ("" on a real machine; tests give a folder with proc/ and sys/ in it). What
/// is plugged in later is found by asking again.
Sensors detect_host_sensors(const std::string& root);

/// A made-up device, repeatable by seed: daily temperature, humidity, pressure, battery, steps, a door, dropouts.
Sensors make_simulated_sensors(std::uint64_t seed);

}  // namespace agent
