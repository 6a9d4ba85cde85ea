#include "hub/web/upgrade.h"

#include "hub/web/call.h"
#include "hub/web/origin.h"
#include "hub/web/query_reader.h"
#include "hub/web/sign_in.h"

namespace hub::web {
namespace {

Outcome<void> check_protocol(const wire::HttpRequest& request, std::string_view protocol) {
  if (offers_protocol(request.header("Sec-WebSocket-Protocol"), protocol)) return {};
  return Problem{errc::invalid_argument, "this endpoint speaks the WebSocket subprotocol " + std::string(protocol),
                 "Sec-WebSocket-Protocol"};
}

/// A program that sends for devices which it names.
Outcome<std::optional<Principal>> admit_for_device(const WebServices& services, const wire::HttpRequest& request,
                                                   const Principal& who) {
  if (auto allowed = authorize(who, Operation::stream_telemetry); !allowed) return allowed.error();
  const auto target = Target::parse(request.target);
  if (!target) return Problem{errc::invalid_argument, "the request's target is not a valid path and query", ""};
  QueryReader query(*target);
  const auto name = query.optional_text("device");
  if (!name) query.refuse("device", "an API token sends for a device: name it, as in /api/v1/device?device=kitchen");
  if (auto problem = query.problem()) return *problem;
  const auto device = services.devices.find(*name);
  if (!device || !authorize(who, Operation::stream_telemetry, device->id, services.devices)) {
    return no_such("device " + *name);
  }
  Principal as_device;
  as_device.name = device->name;
  as_device.device = device->id;
  as_device.session_key = who.session_key;
  as_device.is_token = true;
  return std::optional<Principal>(std::move(as_device));
}

/// By the ticket in the query, where there is one, else by the request's headers.
Outcome<Principal> viewer_of(Identity& identity, const wire::HttpRequest& request) {
  const auto target = Target::parse(request.target);
  if (!target) return Problem{errc::invalid_argument, "the request's target is not a valid path and query", ""};
  QueryReader query(*target);
  const auto ticket = query.optional_text("ticket");
  if (auto problem = query.problem()) return *problem;
  if (!ticket) return sign_in(identity, request);
  auto who = identity.use_ticket(*ticket);
  if (who) return std::move(*who);
  return Problem{errc::unauthenticated, "this ticket is not known, was used, or is older than 30 seconds", "ticket"};
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
  // Who shows a certificate is judged by it: a token beside it does not mend a revoked one.
  if (request.certificate) {
    auto holder = services.identity.device_by_certificate(request.certificate->serial_hex);
    if (!holder) return Problem{errc::unauthenticated, "this certificate is not known or was revoked", ""};
    holder->may_only_renew = holder->may_only_renew || request.certificate->expired;
    if (auto allowed = authorize(*holder, Operation::stream_telemetry); !allowed) return allowed.error();
    return holder;
  }
  const std::string_view authorization = request.header("Authorization");
  if (authorization.empty()) return std::optional<Principal>();
  const auto token = bearer_token(authorization);
  if (!token) {
    return Problem{errc::unauthenticated, "devices sign in with Authorization: Bearer and their device token",
                   "Authorization"};
  }
  auto device = services.identity.device_by_token(*token);
  if (!device) {
    if (const auto who = services.identity.api_token(*token)) return admit_for_device(services, request, *who);
  }
  if (!device) return Problem{errc::unauthenticated, "this token is not known or was revoked", "Authorization"};
  if (auto allowed = authorize(*device, Operation::stream_telemetry); !allowed) return allowed.error();
  return device;
}

Outcome<Principal> admit_viewer(const WebServices& services, const wire::HttpRequest& request) {
  if (!is_own_origin(request)) {
    return Problem{errc::forbidden, "a page of another origin may not open a live stream here", "Origin"};
  }
  if (auto spoken = check_protocol(request, kLiveProtocol); !spoken) return spoken.error();
  auto who = viewer_of(services.identity, request);
  if (!who) return who.error();
  if (auto allowed = authorize(*who, Operation::subscribe_live); !allowed) return allowed.error();
  return std::move(*who);
}

}  // namespace hub::web
