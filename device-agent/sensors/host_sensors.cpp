#include "device-agent/sensors/host_sensors.h"

namespace agent {

Sensors detect_host_sensors(const std::string& root, const KindOptions& options) {
  Sensors out;
  if (!options.enable) return out;
  add_processor_sensors(root, options, out);
  add_process_sensors(root, options, out);
  add_memory_sensor(root, options, out);
  add_file_system_sensor(root, options, out);
  add_disk_sensors(root, options, out);
  add_network_sensors(root, options, out);
  add_hwmon_sensor(root, options, out);
  return out;
}

}  // namespace agent
