// Which WebSocket upgrades are let in, and as whom.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hub/core/errc.h"
#include "hub/web/web_server.h"

namespace hub::web {

inline constexpr char kDevicePath[] = "/api/v1/device";
inline constexpr char kLivePath[] = "/api/v1/live";
inline constexpr char kDeviceProtocol[] = "telemetry.device.v1";
inline constexpr char kLiveProtocol[] = "telemetry.live.v1";

/// Whether a Sec-WebSocket-Protocol header offers `protocol`.
bool offers_protocol(std::string_view header, std::string_view protocol);

/// A device's certificate, or its bearer token, looked up; or an API token with the scope ingest, for the device that
/// the query names
/// (?device=NAME). Nothing: no Authorization, so the first message carries the credential. Problem:
/// wrong or foreign credential, or the subprotocol is missing.
Outcome<std::optional<Principal>> admit_device(const WebServices& services, const wire::HttpRequest& request);

/// A viewer's sign-in, or the one-time ticket in the query (?ticket=…); the origin is checked first.
Outcome<Principal> admit_viewer(const WebServices& services, const wire::HttpRequest& request);

}  // namespace hub::web
