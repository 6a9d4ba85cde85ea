// All sensors of an agent: whose turn it is, and whose a series is.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "device-agent/sensors/sensor.h"

namespace agent {

struct SamplerOptions {
  std::int64_t interval_us = 1'000'000;  // of sensors that have none of their own
  std::vector<std::string> disabled;     // series not to be sampled, see is_disabled_series()
};

/// Owns the sensors. Lives on the agent's thread. A series belongs to the sensor that named it first; another one's of
/// the same name is left out. Holds at most 512 sensors and 4,096 series (what the hub takes of a device): what comes
/// later is left out and said by problems().
class Sampler {
 public:
  using Find = std::function<Sensors()>;
  /// One reading. `interval_ms` is what the series promises; `age_us` as Sample::age_us.
  struct Reading {
    const SeriesSpec& spec;
    std::uint32_t interval_ms;
    const Value& value;
    std::int64_t age_us;
  };
  using Sink = std::function<void(const Reading&)>;

  Sampler(SamplerOptions options, Find find);

  /// Asks again what is there: also what was plugged in since. What is gone stays, silent, and goes on when it is back.
  void find();
  /// The next instant at which somebody is due: the first multiple of an interval after `wall_us`, so that all devices
  /// of a hub sample at the same instants.
  std::int64_t next_due_us(std::int64_t wall_us) const;
  /// Samples everyone due at `due_us`, which next_due_us() gave, or overdue by then. Not finite numbers are left out.
  void sample_due(std::int64_t due_us, const SampleTime& now, const Sink& sink);
  void sample_all(const SampleTime& now, const Sink& sink);

  /// "net.eth0: …" of every sensor that is hindered, and what found no place.
  std::vector<std::string> problems() const;
  std::size_t sensors() const { return entries_.size(); }

 private:
  struct Entry {
    std::unique_ptr<Sensor> sensor;
    std::vector<bool> wanted;          // of its series, as far as they were looked at
    std::string taken_name;            // the first of them that belongs to another sensor
    std::int64_t sampled_due_us = -1;  // the instant of its last turn
  };
  std::int64_t interval_of(const Entry& entry) const;
  void look_at_series(Entry& entry);
  void sample(Entry& entry, const SampleTime& now, const Sink& sink);

  const SamplerOptions options_;
  const Find find_;
  std::vector<Entry> entries_;
  std::set<std::string> names_;       // of all series that have an owner
  std::set<std::string> identities_;  // of the sensors that have one; bounded as they are
  bool is_full_ = false;
  std::vector<Sample> samples_;  // reused
};

}  // namespace agent
