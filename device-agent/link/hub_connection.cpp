#include "device-agent/link/hub_connection.h"

#include "device-agent/link/connect_problem.h"
#include "wire/errc.h"

namespace agent {
namespace {

std::string refusal_of(const Credential& credential, const base::error_code& ec, const wire::ConnectReport& report) {
  if (report.stage == wire::ConnectStage::answer && (report.status == 401 || report.status == 403)) {
    const std::string what = credential.certificate_pem.empty() ? "token" : "certificate";
    return "the " + what + " is not known to the hub or was revoked";
  }
  if (ec == base::error_code(wire::errc::certificate_refused)) {
    return "the hub does not accept this device's certificate: it ended long ago or another hub signed it";
  }
  return {};
}

wire::Awaitable<HubConnection> connect_to_hub(Credential credential, HandshakeTime time, std::string configured_proxy) {
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
  std::string problem;
  wire::ConnectTarget target;
  target.host = credential.host;
  target.port = credential.port;
  target.path = "/api/v1/device";
  target.subprotocol = "telemetry.device.v1";
  if (!credential.token.empty()) target.headers["Authorization"] = "Bearer " + credential.token;
  target.proxy = wire::choose_proxy(configured_proxy, target.host, target.port, wire::process_environment, problem);
  if (!problem.empty()) co_return HubConnection("the proxy: " + problem, false);
  wire::ConnectionLimits limits;
  limits.message_bytes = 256 * 1024;
  wire::ConnectReport report;
  auto connected = co_await wire::connect(target, *tls, limits, &report);
  if (connected) {
    HubConnection open(std::move(*connected));
    open.address = (target.proxy ? "proxy " : "") + report.address;
    co_return open;
  }
  if (std::string refusal = refusal_of(credential, connected.error(), report); !refusal.empty()) {
    co_return HubConnection(std::move(refusal), true);
  }
  const ConnectRoute route{target.host, target.port, target.proxy ? &*target.proxy : nullptr};
  HubConnection none(connect_problem(route, connected.error(), report), false);
  none.retry_after_s = report.retry_after_s;
  co_return none;
}

}  // namespace

ConnectToHub connect_through(std::string proxy) {
  return [proxy = std::move(proxy)](Credential credential, HandshakeTime time) {
    return connect_to_hub(std::move(credential), time, proxy);
  };
}

}  // namespace agent
