#include "device-agent/sensor_list.h"

#include "device-agent/sensors/iio.h"
#include "device-agent/sensors/onewire.h"

namespace agent {

Sensors list_sensors(const AgentConfig& config, const std::string& given_root) {
  const std::string& root = given_root.empty() ? config.root : given_root;
  Sensors sensors = detect_host_sensors(root, config.host);
  add_iio_sensor(root, config.iio, sensors);
  add_onewire_sensor(root, config.onewire, sensors);
  for (auto& sensor : make_gpio_inputs(config.inputs)) sensors.push_back(std::move(sensor));
  return sensors;
}

}  // namespace agent
