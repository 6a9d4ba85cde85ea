#include "device-agent/sensor_list.h"

#include <algorithm>

#include "base/clock.h"
#include "device-agent/sensors/iio.h"
#include "device-agent/sensors/onewire.h"

namespace agent {
namespace {

constexpr std::int64_t kFetchReportsUs = 1'000'000;  // or the agent's interval, where that is shorter

ReportParts report_parts(const AgentConfig& config) {
  static const base::SystemClock clock;
  return {std::make_shared<Aside>(), clock, std::min(kFetchReportsUs, config.interval_us)};
}

Sensors list_all(const AgentConfig& config, const std::string& given_root, const ReportParts& parts) {
  const std::string& root = given_root.empty() ? config.root : given_root;
  Sensors sensors = detect_host_sensors(root, config.host);
  add_iio_sensor(root, config.iio, sensors);
  add_onewire_sensor(root, config.onewire, sensors);
  for (auto& sensor : make_gpio_inputs(config.inputs)) sensors.push_back(std::move(sensor));
  for (const auto& exec : config.execs) sensors.push_back(make_exec_sensor(parts, exec));
  for (const auto& execd : config.execds) sensors.push_back(make_execd_sensor(parts, execd));
  for (const auto& textfile : config.textfiles) sensors.push_back(make_textfile_sensor(parts, textfile));
  return sensors;
}

}  // namespace

Sensors list_sensors(const AgentConfig& config, const std::string& root) {
  return list_all(config, root, report_parts(config));
}

std::string push_socket(const AgentConfig& config, const std::string& runtime_folder) {
  if (!config.push.socket.empty()) return config.push.socket;
  return runtime_folder.empty() ? std::string() : runtime_folder + "/push.sock";
}

Sensors list_running_sensors(const AgentConfig& config, const std::string& runtime_folder) {
  const ReportParts parts = report_parts(config);
  Sensors sensors = list_all(config, {}, parts);
  if (config.push.is_enabled) {
    sensors.push_back(make_push_sensor(parts, config.push, push_socket(config, runtime_folder)));
  }
  return sensors;
}

}  // namespace agent
