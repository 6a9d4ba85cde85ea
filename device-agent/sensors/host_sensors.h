// The kinds of host sensors; each adds what it finds below `root`.
#pragma once

#include <algorithm>
#include <string>

#include "device-agent/sensors/sensor.h"

namespace agent {

/// What changes slowly (space, errors, the number of processes) is not read more often than this.
constexpr std::int64_t kSlowIntervalUs = 10'000'000;
inline std::int64_t slow_interval_us(const KindOptions& options) {
  return options.interval_us == 0 ? 0 : std::max(kSlowIntervalUs, options.interval_us);
}

void add_processor_sensors(const std::string& root, const KindOptions& options, Sensors& out);  // cpu, load, uptime
void add_process_sensors(const std::string& root, const KindOptions& options, Sensors& out);
void add_memory_sensor(const std::string& root, const KindOptions& options, Sensors& out);
void add_file_system_sensor(const std::string& root, const KindOptions& options, Sensors& out);
void add_disk_sensors(const std::string& root, const KindOptions& options, Sensors& out);  // bytes, busy
void add_network_sensors(const std::string& root, const KindOptions& options, Sensors& out);
void add_hwmon_sensor(const std::string& root, const KindOptions& options, Sensors& out);  // and thermal zones

}  // namespace agent
