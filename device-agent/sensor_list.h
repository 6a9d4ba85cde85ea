// Every sensor of this machine: what is found by itself, and what the configuration names.
#pragma once

#include <string>

#include "device-agent/config/agent_config.h"
#include "device-agent/sensors/sensor.h"

namespace agent {

/// Made anew each time, see Sensor::identity(). `root`: see detect_host_sensors(); empty: the configuration's.
Sensors list_sensors(const AgentConfig& config, const std::string& root = {});
/// The same and what serves others, for the agent that runs: the push socket.
Sensors list_running_sensors(const AgentConfig& config, const std::string& runtime_folder);
/// Where that socket is; empty: there is no runtime folder, and [push] names none.
std::string push_socket(const AgentConfig& config, const std::string& runtime_folder);

}  // namespace agent
