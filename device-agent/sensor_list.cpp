#include "device-agent/sensor_list.h"

namespace agent {

Sensors list_sensors(const AgentConfig& config, const std::string& root) {
  Sensors sensors = detect_host_sensors(root);
  for (auto& sensor : make_gpio_inputs(config.inputs)) sensors.push_back(std::move(sensor));
  return sensors;
}

}  // namespace agent
