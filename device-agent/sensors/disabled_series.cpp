#include "device-agent/sensors/disabled_series.h"

namespace agent {

bool is_disabled_series(const std::string& name, const std::vector<std::string>& disabled) {
  for (const auto& d : disabled) {
    if (d == name) return true;
    if (!d.empty() && d.back() == '*' && name.compare(0, d.size() - 1, d, 0, d.size() - 1) == 0) return true;
  }
  return false;
}

}  // namespace agent
