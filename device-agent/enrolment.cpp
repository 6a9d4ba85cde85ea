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

wire::FetchRequest post(const EnrolRequest& request, std::string target, const json::object& body) {
  wire::FetchRequest fetch;
  fetch.method = "POST";
  fetch.host = request.host;
  fetch.port = request.port;
  fetch.target = std::move(target);
  fetch.headers.push_back({"Content-Type", "application/json"});
  fetch.body = json::serialize(body);
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

EnrolAnswer unreachable(const EnrolRequest& request, const base::error_code& ec) {
  const std::string where = request.host + ":" + std::to_string(request.port);
  if (ec == base::error_code(wire::errc::certificate_untrusted)) {
    return failed(5, "the hub at " + where + " does not have the CA fingerprint that was given; check --ca-sha256");
  }
  return failed(4, "cannot reach the hub at " + where + ": " + ec.message());
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
  json::object body;
  body["token"] = request.token;
  body["csr"] = made->request_pem;
  if (!request.name.empty()) body["name"] = request.name;
  const auto fetch = post(request, "/api/v1/enrolments/redeem", body);
  const auto response = co_await wire::fetch(fetch, *tls);
  if (!response) co_return unreachable(request, response.error());
  if (response->status != 201) co_return refused(*response);
  co_return granted(request, parsed(*response), made->key_pem);
}

boost::asio::awaitable<EnrolAnswer> enrol_by_approval(EnrolRequest request,
                                                      std::function<void(const ApprovalNotice&)> say) {
  const auto made = make_key_and_request();
  if (!made) co_return failed(1, "cannot make a key: " + made.error().message());
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
  const auto ask = post(request, "/api/v1/enrolments/requests", body);
  const auto asked = co_await wire::fetch(ask, *tls);
  if (!asked) co_return unreachable(request, asked.error());
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
  const auto collect = post(request, "/api/v1/enrolments/requests/collect", secret);
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor);
  const auto end = std::chrono::steady_clock::now() + kLongestWait;
  EnrolAnswer last = failed(5, "nobody approved this device in time; ask again");
  while (std::chrono::steady_clock::now() < end) {
    timer.expires_after(request.poll);
    co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    const auto response = co_await wire::fetch(collect, *tls);
    if (!response) {
      last = unreachable(request, response.error());
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
