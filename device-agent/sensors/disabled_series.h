// What the config does not want sent.
#pragma once

#include <string>
#include <vector>

namespace agent {

/// Whether the config names this series ('*' at the end: any that begin so).
bool is_disabled_series(const std::string& name, const std::vector<std::string>& disabled);

}  // namespace agent
