// What the config does not want sent.
#pragma once

#include <string>
#include <vector>

#include "device-agent/sensors/sensor.h"

namespace agent {

/// Whether the config names this series ('*' at the end: any that begin so).
bool is_disabled_series(const std::string& name, const std::vector<std::string>& disabled);
/// Takes out the series that `disabled` names.
Sensors without_disabled(Sensors sensors, const std::vector<std::string>& disabled);

}  // namespace agent
