// Every sensor of this machine: what is found by itself, and what the configuration names.
#pragma once

#include <string>

#include "device-agent/config/agent_config.h"
#include "device-agent/sensors/sensor.h"

namespace agent {

/// Made anew each time, see Sensor::identity(). `root`: see detect_host_sensors(); empty: the configuration's.
Sensors list_sensors(const AgentConfig& config, const std::string& root = {});

}  // namespace agent
