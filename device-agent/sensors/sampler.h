// All sensors of an agent: whose turn it is, and whose a series is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "device-agent/sensors/sensor.h"

namespace agent {

struct SamplerOptions {
  std::int64_t interval_us = 1'000'000;        // of sensors that have none of their own
  std::vector<std::string> disabled;           // series not to be sampled, see is_disabled_series()
  std::function<std::int64_t()> boot_us = {};  // what sampling takes is measured by; null: it is not
  std::function<void()> arrived = {};          // see Sensor::tell_arrivals(); null: all wait for their turns
};

/// How well the turns are kept.
struct SamplingTimes {
  std::uint64_t turns = 0;   // instants at which somebody was due
  std::uint64_t missed = 0;  // turns of single sensors that never took place
  // How long after its instant a turn began: the last one, 99 of 100 of the last 1,024, the latest since the start. A
  // turn at which the wall clock was set says nothing.
  std::int64_t late_us = 0, late_p99_us = 0, latest_us = 0;
  std::string slowest;  // the sensor that once took longest, and how long
  std::int64_t slowest_us = 0;
};

/// Owns the sensors. Lives on the agent's thread. A series belongs to the sensor that named it first; another one's of
/// the same name is left out. Holds at most 512 sensors and 4,096 series (what the hub takes of a device): what comes
/// later is left out and said by problems().
class Sampler {
 public:
  using Find = std::function<Sensors()>;
  /// One reading. `interval_ms` is what the series promises; `age_us` as Sample::age_us, but negative where it was
  /// measured after the turn began, because another sensor took long.
  struct Reading {
    const SeriesSpec& spec;
    std::uint32_t interval_ms;
    const Value& value;
    std::int64_t age_us;
  };
  using Sink = std::function<void(const Reading&)>;

  Sampler(SamplerOptions options, Find find);

  /// Other sensors by another configuration: those there were are destroyed first, so that the new ones find their
  /// lines, sockets and files free. Rates begin anew: sample once without a use for it.
  void restart(SamplerOptions options, Find find);
  void set_interval(std::int64_t interval_us) { options_.interval_us = interval_us; }
  /// Asks again what is there: also what was plugged in since. What is gone stays, silent, and goes on when it is back.
  void find();
  /// The next instant at which somebody is due: the first multiple of an interval after `wall_us`, so that all devices
  /// of a hub sample at the same instants.
  std::int64_t next_due_us(std::int64_t wall_us) const;
  /// Samples everyone due at `due_us`, which next_due_us() gave, or overdue by then: whoever took more than 20 ms the
  /// last time comes after all others. Not finite numbers are left out.
  void sample_due(std::int64_t due_us, const SampleTime& now, const Sink& sink);
  bool has_arrivals() const;
  /// Samples those who have what came by itself; a turn is neither taken nor missed by that.
  void sample_arrivals(const SampleTime& now, const Sink& sink);
  void sample_all(const SampleTime& now, const Sink& sink);

  /// "net.eth0: …" of every sensor that is hindered, and what found no place.
  std::vector<std::string> problems() const;
  std::size_t sensors() const { return entries_.size(); }
  SamplingTimes times() const;
  /// What is to be said once: a sensor that takes long. (What hinders one: problems().)
  std::vector<std::string> take_warnings();

 private:
  struct Entry {
    std::unique_ptr<Sensor> sensor;
    std::vector<bool> wanted;          // of its series, as far as they were looked at
    std::string taken_name;            // the first of them that belongs to another sensor
    std::int64_t sampled_due_us = -1;  // the instant of its last turn
    std::int64_t due_boot_us = -1;     // the same by boot time
    std::int64_t took_us = 0, longest_us = 0;
    bool is_said_slow = false;
  };
  std::int64_t interval_of(const Entry& entry) const;
  void look_at_series(Entry& entry);
  void sample(Entry& entry, const SampleTime& now, const Sink& sink);
  void sample_in_order(const std::vector<Entry*>& due, const SampleTime& now, const Sink& sink);
  /// Gives the instant by boot time.
  std::int64_t note_turn(std::int64_t due_us, const SampleTime& now);
  static std::string name_of(const Entry& entry);

  SamplerOptions options_;
  Find find_;
  std::vector<Entry> entries_;
  std::set<std::string> names_;       // of all series that have an owner
  std::set<std::string> identities_;  // of the sensors that have one; bounded as they are
  bool is_full_ = false;
  std::vector<Sample> samples_;  // reused
  std::uint64_t turns_ = 0, missed_ = 0;
  std::int64_t late_us_ = 0, latest_us_ = 0;
  std::vector<std::int64_t> lateness_;  // of the last 1,024 turns, a ring
  std::size_t lateness_next_ = 0;
  std::optional<std::int64_t> wall_minus_boot_us_;
  std::int64_t began_us_ = 0;  // of what is being sampled now, by options_.boot_us
};

}  // namespace agent
