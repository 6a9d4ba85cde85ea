// Which devices are in which groups, for whoever must not know the registry.
#pragma once

#include <span>
#include <string>

#include "hub/core/ids.h"

namespace hub {

/// Thread-safe. Groups are made of the operator's tags only, never of what a device says of itself.
class GroupMembers {
 public:
  virtual ~GroupMembers() = default;
  /// False for a device that there is not (any more).
  virtual bool is_in_any(const DeviceId& device, std::span<const std::string> groups) const = 0;
};

}  // namespace hub
