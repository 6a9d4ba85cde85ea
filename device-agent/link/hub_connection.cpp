#include "device-agent/link/hub_connection.h"

#include "wire/errc.h"

namespace agent {

wire::Awaitable<HubConnection> connect_to_hub(Credential credential, HandshakeTime time) {
  wire::ClientTls::Options options;
  options.ca_pem = credential.ca_pem;
  options.alpn = wire::kDeviceAlpn;
  options.expected_name = credential.server_name;
  options.certificate_pem = credential.certificate_pem;
  options.key_pem = credential.key_pem;
  options.verify_at_s = time.verify_at_s;
  options.accept_not_yet_valid = time.accept_not_yet_valid;
  const auto tls = wire::ClientTls::make(options);
  if (!tls) co_return HubConnection("the CA, or certificate and key, in credential.toml cannot be used", true);
  wire::ConnectTarget target;
  target.host = credential.host;
  target.port = credential.port;
  target.path = "/api/v1/device";
  target.subprotocol = "telemetry.device.v1";
  if (!credential.token.empty()) target.headers["Authorization"] = "Bearer " + credential.token;
  wire::ConnectionLimits limits;
  limits.message_bytes = 256 * 1024;
  int status = 0;
  auto connected = co_await wire::connect(target, *tls, limits, &status);
  if (connected) co_return HubConnection(std::move(*connected));
  if (status == 401 || status == 403) {
    const std::string what = credential.certificate_pem.empty() ? "token" : "certificate";
    co_return HubConnection("the " + what + " is not known to the hub or was revoked", true);
  }
  if (connected.error() == base::error_code(wire::errc::certificate_refused)) {
    co_return HubConnection(
        "the hub does not accept this device's certificate: it ended long ago or another hub signed it", true);
  }
  co_return HubConnection(connected.error().message(), false);
}

}  // namespace agent
