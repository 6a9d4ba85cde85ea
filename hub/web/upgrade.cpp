#include "hub/web/upgrade.h"

#include "hub/web/cookies.h"
#include "hub/web/origin.h"

namespace hub::web {
namespace {

constexpr std::string_view kBearer = "Bearer ";

Outcome<void> check_protocol(const wire::HttpRequest& request, std::string_view protocol) {
  if (offers_protocol(request.header("Sec-WebSocket-Protocol"), protocol)) return {};
  return Problem{errc::invalid_argument, "this endpoint speaks the WebSocket subprotocol " + std::string(protocol),
                 "Sec-WebSocket-Protocol"};
}

}  // namespace

bool offers_protocol(std::string_view header, std::string_view protocol) {
  while (!header.empty()) {
    const std::size_t comma = header.find(',');
    std::string_view entry = header.substr(0, comma);
    header = comma == std::string_view::npos ? std::string_view() : header.substr(comma + 1);
    while (!entry.empty() && (entry.front() == ' ' || entry.front() == '\t')) entry.remove_prefix(1);
    while (!entry.empty() && (entry.back() == ' ' || entry.back() == '\t')) entry.remove_suffix(1);
    if (entry == protocol) return true;
  }
  return false;
}

Outcome<std::optional<Principal>> admit_device(const WebServices& services, const wire::HttpRequest& request) {
  if (auto spoken = check_protocol(request, kDeviceProtocol); !spoken) return spoken.error();
  const std::string_view authorization = request.header("Authorization");
  if (authorization.empty()) return std::optional<Principal>();
  if (!authorization.starts_with(kBearer)) {
    return Problem{errc::unauthenticated, "devices sign in with Authorization: Bearer and their device token",
                   "Authorization"};
  }
  auto device = services.identity.device_by_token(authorization.substr(kBearer.size()));
  if (!device) return Problem{errc::unauthenticated, "this token is not known or was revoked", "Authorization"};
  if (auto allowed = authorize(*device, Operation::stream_telemetry, device->device); !allowed) return allowed.error();
  return device;
}

Outcome<Principal> admit_viewer(const WebServices& services, const wire::HttpRequest& request) {
  if (!is_own_origin(request)) {
    return Problem{errc::forbidden, "a page of another origin may not open a live stream here", "Origin"};
  }
  if (auto spoken = check_protocol(request, kLiveProtocol); !spoken) return spoken.error();
  auto who = services.identity.session(cookie_value(request.header("Cookie"), kSessionCookie));
  if (!who) return Problem{errc::unauthenticated, "sign in with POST /api/v1/session", ""};
  if (auto allowed = authorize(*who, Operation::subscribe_live); !allowed) return allowed.error();
  return std::move(*who);
}

}  // namespace hub::web
