#include "device-agent/enrolment.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "device-agent/link/connect_problem.h"
#include "wire/device_certificate.h"
#include "wire/errc.h"
#include "wire/http.h"

namespace agent {
namespace {

namespace json = boost::json;

constexpr std::chrono::minutes kLongestWait{11};  // a request lives ten

EnrolAnswer failed(int exit_code, std::string problem) {
  EnrolAnswer answer;
  answer.exit_code = exit_code;
  answer.problem = std::move(problem);
  return answer;
}

struct KeyAndRequest {
  std::string key_pem, request_pem;
};
base::Result<KeyAndRequest> make_key_and_request() {
  auto key = wire::make_private_key();
  if (!key) return key.error();
  const auto der = wire::make_signing_request(*key, "device");  // the hub says whose it is
  if (!der) return der.error();
  auto pem = wire::signing_request_pem(*der);
  if (!pem) return pem.error();
  return KeyAndRequest{std::move(*key), std::move(*pem)};
}

/// Other clients may be shown the operator's certificate, which the hub's CA has not signed. What the pinned CA has
/// signed is this hub, by whatever address it is reached; and a device that was just switched on may not know the time.
wire::ClientTls::Options tls_options() {
  wire::ClientTls::Options options;
  options.alpn = wire::kDeviceAlpn;
  options.verify_host = false;
  options.accept_not_yet_valid = !base::SystemClock().synchronised();
  return options;
}

wire::FetchRequest post(const EnrolRequest& request, const std::optional<wire::Proxy>& proxy, std::string target,
                        const json::object& body) {
  wire::FetchRequest fetch;
  fetch.method = "POST";
  fetch.host = request.host;
  fetch.port = request.port;
  fetch.target = std::move(target);
  fetch.headers.push_back({"Content-Type", "application/json"});
  fetch.body = json::serialize(body);
  fetch.proxy = proxy;
  return fetch;
}

std::string text_of(const json::value& body, const char* key) {
  const auto* object = body.if_object();
  const auto* value = object != nullptr ? object->if_contains(key) : nullptr;
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

json::value parsed(const wire::HttpResponse& response) {
  boost::system::error_code ec;
  auto body = json::parse(response.body, ec);
  return ec ? json::value() : body;
}

EnrolAnswer refused(const wire::HttpResponse& response) {
  const std::string detail = text_of(parsed(response), "detail");
  return failed(5, "the hub refused: " + (detail.empty() ? "status " + std::to_string(response.status) : detail));
}

EnrolAnswer unreachable(const wire::FetchRequest& asked, const base::error_code& ec,
                        const wire::ConnectReport& report) {
  const std::string where = asked.host + ":" + std::to_string(asked.port);
  if (ec == base::error_code(wire::errc::certificate_untrusted)) {
    return failed(5, "the hub at " + where +
                         " does not have the CA fingerprint that was given; check --ca-sha256, and whether a captive "
                         "portal or a proxy that opens TLS answers instead");
  }
  const ConnectRoute route{asked.host, asked.port, asked.proxy ? &*asked.proxy : nullptr};
  return failed(4, "cannot reach the hub at " + where + ": " + connect_problem(route, ec, report));
}

EnrolAnswer granted(const EnrolRequest& request, const json::value& body, const std::string& key_pem) {
  Credential credential;
  credential.host = request.host;
  credential.port = request.port;
  credential.device_id = text_of(body, "device_id");
  credential.device_name = text_of(body, "device_name");
  credential.ca_pem = text_of(body, "ca_pem");
  credential.server_name = text_of(body, "server_name");
  credential.certificate_pem = text_of(body, "certificate_pem");
  // The certificate is all a device needs; a hub that signs none gives a token.
  if (credential.certificate_pem.empty()) {
    credential.token = text_of(body, "token");
  } else {
    credential.key_pem = key_pem;
    const auto info = wire::read_certificate_info(credential.certificate_pem);
    credential.time_floor_us = info ? info->not_before_s * 1'000'000 : 0;
  }
  if (const std::string problem = problem_of(credential); !problem.empty()) {
    return failed(1, "the hub's answer cannot be used: " + problem);
  }
  EnrolAnswer answer;
  answer.credential = std::move(credential);
  return answer;
}

}  // namespace

boost::asio::awaitable<EnrolAnswer> enrol(EnrolRequest request) {
  auto options = tls_options();
  options.ca_sha256_hex = request.ca_sha256;
  const auto tls = wire::ClientTls::make(options);
  if (!tls) co_return failed(1, tls.error().message());
  const auto made = make_key_and_request();
  if (!made) co_return failed(1, "cannot make a key: " + made.error().message());
  std::string problem;
  const auto proxy = wire::choose_proxy(request.proxy, request.host, request.port, wire::process_environment, problem);
  if (!problem.empty()) co_return failed(3, "the proxy: " + problem);
  json::object body;
  body["token"] = request.token;
  body["csr"] = made->request_pem;
  if (!request.name.empty()) body["name"] = request.name;
  const auto fetch = post(request, proxy, "/api/v1/enrolments/redeem", body);
  wire::ConnectReport report;
  const auto response = co_await wire::fetch(fetch, *tls, &report);
  if (!response) co_return unreachable(fetch, response.error(), report);
  if (response->status != 201) co_return refused(*response);
  co_return granted(request, parsed(*response), made->key_pem);
}

boost::asio::awaitable<EnrolAnswer> enrol_by_approval(EnrolRequest request,
                                                      std::function<void(const ApprovalNotice&)> say) {
  const auto made = make_key_and_request();
  if (!made) co_return failed(1, "cannot make a key: " + made.error().message());
  std::string problem;
  const auto proxy = wire::choose_proxy(request.proxy, request.host, request.port, wire::process_environment, problem);
  if (!problem.empty()) co_return failed(3, "the proxy: " + problem);
  auto first_contact = tls_options();
  first_contact.ca_sha256_hex = request.ca_sha256;
  first_contact.met_ca_sha256_hex = std::make_shared<std::string>();
  const auto met = first_contact.met_ca_sha256_hex;
  auto tls = wire::ClientTls::make(first_contact);
  if (!tls) co_return failed(1, tls.error().message());

  json::object body;
  body["csr"] = made->request_pem;
  if (!request.name.empty()) body["name"] = request.name;
  json::object attributes;
  for (const auto& [name, text] : request.attributes) attributes[name] = text;
  body["attributes"] = std::move(attributes);
  const auto ask = post(request, proxy, "/api/v1/enrolments/requests", body);
  wire::ConnectReport report;
  const auto asked = co_await wire::fetch(ask, *tls, &report);
  if (!asked) co_return unreachable(ask, asked.error(), report);
  if (asked->status != 201) co_return refused(*asked);
  const json::value ticket = parsed(*asked);
  const auto code = wire::approval_code(made->request_pem, *met);
  if (!code || text_of(ticket, "code") != *code) {
    co_return failed(5,
                     "the hub's code is not the one of this device and the CA it has met: somebody may stand between");
  }
  say(ApprovalNotice{text_of(ticket, "url"), *code});

  auto later = tls_options();
  later.ca_sha256_hex = *met;
  tls = wire::ClientTls::make(later);
  if (!tls) co_return failed(1, tls.error().message());
  json::object secret;
  secret["secret"] = text_of(ticket, "secret");
  const auto collect = post(request, proxy, "/api/v1/enrolments/requests/collect", secret);
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor);
  const auto end = std::chrono::steady_clock::now() + kLongestWait;
  EnrolAnswer last = failed(5, "nobody approved this device in time; ask again");
  while (std::chrono::steady_clock::now() < end) {
    timer.expires_after(request.poll);
    co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    const auto response = co_await wire::fetch(collect, *tls, &report);
    if (!response) {
      last = unreachable(collect, response.error(), report);
      if (last.exit_code == 5) co_return last;  // another CA: not to be spoken with
      continue;                                 // the hub may be restarted, the network be away for a moment
    }
    if (response->status == 201) co_return granted(request, parsed(*response), made->key_pem);
    if (response->status == 404) co_return failed(5, "the request has expired, or the hub was restarted; ask again");
    if (response->status < 500 && response->status != 202 && response->status != 429) co_return refused(*response);
  }
  co_return last;
}

}  // namespace agent
