// The kinds of host sensors; each adds what it finds below `root`.
#pragma once

#include <string>

#include "device-agent/sensors/sensor.h"

namespace agent {

void add_processor_sensors(const std::string& root, Sensors& out);  // cpu, load, uptime
void add_memory_sensor(const std::string& root, Sensors& out);
void add_disk_sensor(const std::string& root, Sensors& out);
void add_network_sensors(const std::string& root, Sensors& out);
void add_temperature_sensors(const std::string& root, Sensors& out);  // thermal zones, hwmon

}  // namespace agent
