// What this machine says of itself: the attributes of its device.
#pragma once

#include <map>
#include <string>

namespace agent {

/// kernel, arch, hostname, model (where the firmware tells it), agent.
std::map<std::string, std::string> machine_attributes();

}  // namespace agent
