// Gathers samples into the bytes of one frame.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "telemetry/v1/device.pb.h"

namespace agent {

/// What the times of readings are counted from.
enum class TimeBase {
  wall,  // the Unix epoch: the clock is synchronised
  boot,  // the start of the machine: it was not, so nobody knows better yet
};

/// One epoch's aliases and the readings not yet in a frame. Lives on the agent's thread; the agent closes it at a
/// number of readings or an age, so it stays small.
class FrameBuilder {
 public:
  using Value = std::variant<double, bool, std::string>;

  /// The alias of a series of this epoch, made at first use. `type` as telemetry.v1.ValueType.
  std::uint32_t alias(const std::string& name, const std::string& unit, int type, std::uint32_t interval_ms);
  /// A frame holds readings of one base only: where fits() is false, close first.
  void add(std::uint32_t alias, std::int64_t time_us, const Value& value, TimeBase base = TimeBase::wall);
  bool fits(TimeBase base) const { return readings_ == 0 || base_ == base; }
  std::size_t readings() const { return readings_; }

  /// The serialised FrameBody of what was gathered, definitions of aliases not closed before included; empties the
  /// builder. Readings by boot time are placed by the clock if it is synchronised by now, else by `wall_minus_boot_us`
  /// where that is known; else by the clock as it is, and flagged.
  std::string close(const base::Clock& clock, std::optional<std::int64_t> wall_minus_boot_us = std::nullopt);
  /// All definitions of this epoch.
  const telemetry::v1::Definitions& definitions() const { return definitions_; }

 private:
  struct Column {
    std::vector<std::int64_t> times;
    std::vector<double> numbers;
    std::vector<std::uint8_t> booleans;
    std::vector<std::string> strings;
  };
  std::map<std::pair<std::string, std::string>, std::uint32_t> aliases_;  // (name, unit and type)
  std::map<std::uint32_t, Column> columns_;
  telemetry::v1::Definitions definitions_;
  int defined_ = 0;  // definitions already in a closed frame
  std::size_t readings_ = 0;
  TimeBase base_ = TimeBase::wall;
};

}  // namespace agent
