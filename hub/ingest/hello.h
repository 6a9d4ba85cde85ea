// Reading a Hello: what is acceptable, and what it says of the device.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hub/core/errc.h"
#include "hub/storage/device_store.h"
#include "telemetry/v1/device.pb.h"

namespace hub {

inline constexpr std::uint32_t kProtocolVersion = 1;

/// Why the session cannot go on, or nothing: versions, ids of 16 bytes, at most 4,096 streams, no stream twice.
std::optional<Problem> check_hello(const telemetry::v1::Hello& hello);

/// At most 64 attributes of at most 256 bytes of UTF-8; others are left out.
std::map<std::string, std::string> attributes_of(const google::protobuf::Map<std::string, std::string>& said);

/// At most 64 commands with plain names; others are left out.
std::vector<CommandDescription> commands_of(const telemetry::v1::Hello& hello);

}  // namespace hub
