// What hardware is called in series names: as it was found, or as the configuration says.
#pragma once

#include <initializer_list>
#include <map>
#include <string>

namespace agent {

using Names = std::map<std::string, std::string>;

/// The configured name under the first of these keys that has one; else `otherwise`.
inline std::string called(const Names& names, std::initializer_list<std::string> keys, const std::string& otherwise) {
  for (const auto& key : keys) {
    if (const auto it = names.find(key); !key.empty() && it != names.end()) return it->second;
  }
  return otherwise;
}

}  // namespace agent
