// What every sensor kind is to the agent.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
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
  std::string label = {};  // what the hardware calls it, for people: "CPU fan"
};

/// One value of one series of a sensor: `index` into Sensor::series().
struct Sample {
  std::size_t index = 0;
  Value value;
  std::int64_t age_us = 0;  // measured so long before the sampling; never negative
};

/// When a sample is taken. Rates go by boot time, which never jumps.
struct SampleTime {
  std::int64_t wall_us = 0, boot_us = 0;
};

/// Reads one source. Used from the agent's one thread; sample() must not wait for anything but local files that answer
/// at once: what may take longer (a bus, a child, a network mount) is read by a thread or a process of the sensor's
/// own, and sample() hands over what came since the last call. A source that vanishes or gives nonsense leaves its
/// samples out; the sensor stays and tries again at the next call.
class Sensor {
 public:
  virtual ~Sensor() = default;
  /// May grow in sample() (what a script reports is not known before), never shrinks: an index keeps its meaning.
  virtual const std::vector<SeriesSpec>& series() const = 0;
  virtual void sample(const SampleTime& now, std::vector<Sample>& out) = 0;
  /// How often sample() is called; 0: as often as the agent's interval says.
  virtual std::int64_t interval_us() const { return 0; }
  /// Where that is 0: not more often than this, however short the agent's interval is.
  virtual std::int64_t least_interval_us() const { return 0; }
  /// How often its series promise a reading, where that is not how often it is asked: nothing said is interval_us(),
  /// 0 is "whenever there is one".
  virtual std::optional<std::int64_t> promised_us() const { return std::nullopt; }
  /// Where readings come by themselves and nobody should wait for a turn: `tell` is called, from any thread, when the
  /// first one since the last sample() is there. Set once, before the first sample(); not called any more once the
  /// sensor is destroyed.
  virtual void tell_arrivals(std::function<void()> /*tell*/) {}
  /// Such a one is there.
  virtual bool has_arrivals() const { return false; }
  /// Who it is, where its series cannot tell because they are not known before it is sampled: the sensor list is made
  /// anew every 30 s, and one of an identity that is there already is dropped. Making one must therefore start nothing:
  /// a child or a thread starts with the first sample().
  virtual std::string identity() const { return {}; }
  /// "iio", "exec", …; empty: what stands before the first dot of its series.
  virtual std::string kind() const { return {}; }
  /// What hinders it, for people; empty: nothing.
  virtual std::string problem() const { return {}; }
  /// For one who wants values now: where sample() hands over what a thread or process of the sensor's own read, waits
  /// until it has read anew, at most so long. False: it has not.
  virtual bool refresh(std::chrono::milliseconds) { return true; }
};

using Sensors = std::vector<std::unique_ptr<Sensor>>;

/// [host], [iio] and [onewire] of the configuration.
struct KindOptions {
  bool enable = true;
  std::int64_t interval_us = 0;              // 0: the agent's
  std::map<std::string, std::string> names;  // what was found to what it is to be called; at most 512
};

/// Every host sensor found below `root` now ("" on a real machine; tests give a folder with proc/ and sys/ in it). What
/// is plugged in later is found by asking again.
Sensors detect_host_sensors(const std::string& root, const KindOptions& options = {});

/// A made-up device, repeatable by seed: daily temperature, humidity, pressure, battery, steps, a door, dropouts.
Sensors make_simulated_sensors(std::uint64_t seed);

}  // namespace agent
