#include "device-agent/sensor_list.h"

#include "device-agent/sensors/iio.h"
#include "device-agent/sensors/onewire.h"

namespace agent {

Sensors list_sensors(const AgentConfig& config, const std::string& given_root) {
  const std::string& root = given_root.empty() ? config.root : given_root;
  // What is said rarely to be read is not read more often than the rest.
  KindOptions host = config.host, iio = config.iio;
  if (host.interval_us == 0) host.interval_us = config.interval_us;
  if (iio.interval_us == 0) iio.interval_us = config.interval_us;
  Sensors sensors = detect_host_sensors(root, host);
  add_iio_sensor(root, iio, sensors);
  add_onewire_sensor(root, config.onewire, sensors);
  return sensors;
}

}  // namespace agent
