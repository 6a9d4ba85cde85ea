// Whether an alert rule can be used.
#pragma once

#include <optional>

#include "hub/core/errc.h"
#include "hub/devices/device_registry.h"
#include "hub/storage/alert_store.h"

namespace hub {

/// The Problem names the field as REST writes it. Devices may be named by id or name; they are ids afterwards.
std::optional<Problem> check_rule(const DeviceRegistry& devices, AlertRuleRecord& rule);

}  // namespace hub
