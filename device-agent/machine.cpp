#include "device-agent/machine.h"

#include <sys/utsname.h>

#include "device-agent/sensors/system_files.h"

namespace agent {

std::map<std::string, std::string> machine_attributes() {
  std::map<std::string, std::string> attributes;
  utsname name{};
  if (::uname(&name) == 0) {
    attributes["kernel"] = name.release;
    attributes["arch"] = name.machine;
    attributes["hostname"] = name.nodename;
  }
  if (const auto model = read_line("/proc/device-tree/model")) attributes["model"] = model->c_str();
  attributes["agent"] = TELEMETRY_VERSION;
  return attributes;
}

}  // namespace agent
