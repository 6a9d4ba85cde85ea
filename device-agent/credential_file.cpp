#include "device-agent/credential_file.h"

#include <toml++/toml.h>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <sstream>

#include "base/clock.h"
#include "wire/device_certificate.h"
#include "wire/errc.h"
#include "wire/http.h"

namespace agent {
namespace {

std::string problem_of(const Credential& c) {
  if (c.host.empty() || c.ca_pem.empty()) return "host or ca_pem is missing";
  if (c.key_pem.empty() != c.certificate_pem.empty()) return "of key_pem and certificate_pem one is missing";
  if (c.token.empty() && c.key_pem.empty()) return "neither a token nor a certificate is there";
  if (!c.key_pem.empty() && !wire::key_fits_certificate(c.key_pem, c.certificate_pem)) {
    return "key_pem and certificate_pem do not belong together";
  }
  return {};
}

}  // namespace

std::optional<Credential> load_credential(const std::string& folder, std::string& problem) {
  const std::string path = folder + "/credential.toml";
  if (!std::filesystem::exists(path)) {
    problem = "no credential in " + folder + ": run `device-agent enroll` first";
    return std::nullopt;
  }
  try {
    const toml::table root = toml::parse_file(path);
    Credential c;
    c.host = root["host"].value_or(std::string());
    c.port = static_cast<std::uint16_t>(root["port"].value_or(8443));
    c.device_id = root["device_id"].value_or(std::string());
    c.device_name = root["device_name"].value_or(std::string());
    c.token = root["token"].value_or(std::string());
    c.ca_pem = root["ca_pem"].value_or(std::string());
    c.server_name = root["server_name"].value_or(std::string());
    c.key_pem = root["key_pem"].value_or(std::string());
    c.certificate_pem = root["certificate_pem"].value_or(std::string());
    c.time_floor_us = root["time_floor_us"].value_or(std::int64_t{0});
    problem = problem_of(c);
    if (problem.empty()) return c;
    problem = path + ": " + problem + "; enroll again";
  } catch (const toml::parse_error& e) {
    problem = path + ":" + std::to_string(e.source().begin.line) + ": " + std::string(e.description());
  }
  return std::nullopt;
}

base::Result<void> save_credential(const std::string& folder, const Credential& c) {
  std::error_code ec;
  std::filesystem::create_directories(folder, ec);
  if (ec) return base::error_code(ec.value(), boost::system::system_category());
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, ec);
  toml::table root{{"host", c.host},
                   {"port", std::int64_t{c.port}},
                   {"device_id", c.device_id},
                   {"device_name", c.device_name},
                   {"ca_pem", c.ca_pem}};
  const auto add = [&root](const char* key, const std::string& value) {
    if (!value.empty()) root.insert(key, value);
  };
  add("token", c.token);
  add("server_name", c.server_name);
  add("key_pem", c.key_pem);
  add("certificate_pem", c.certificate_pem);
  if (c.time_floor_us != 0) root.insert("time_floor_us", c.time_floor_us);
  std::ostringstream text;
  text << "# This device's credential: whoever reads it can speak as the device.\n" << root << "\n";
  return write_private_file(folder + "/credential.toml", text.str());
}

boost::asio::awaitable<EnrolAnswer> enrol(EnrolRequest request) {
  EnrolAnswer answer;
  wire::ClientTls::Options options;
  options.ca_sha256_hex = request.ca_sha256;
  // Other clients may be shown the operator's certificate, which the pinned CA has not signed. What the pinned CA has
  // signed is this hub, by whatever address it is reached; and a device that was just switched on may not know the
  // time.
  options.alpn = wire::kDeviceAlpn;
  options.verify_host = false;
  options.accept_not_yet_valid = !base::SystemClock().synchronised();
  const auto tls = wire::ClientTls::make(options);
  if (!tls) {
    answer.exit_code = 1;
    answer.problem = tls.error().message();
    co_return answer;
  }
  const auto private_key = wire::make_private_key();
  const auto csr =
      private_key ? wire::make_signing_request(*private_key, "device") : base::Result<std::string>(private_key.error());
  const auto csr_pem = csr ? wire::signing_request_pem(*csr) : base::Result<std::string>(csr.error());
  if (!csr_pem) {
    answer.exit_code = 1;
    answer.problem = "cannot make a key: " + csr_pem.error().message();
    co_return answer;
  }
  boost::json::object body;
  body["token"] = request.token;
  body["csr"] = *csr_pem;
  if (!request.name.empty()) body["name"] = request.name;
  wire::FetchRequest fetch;
  fetch.method = "POST";
  fetch.host = request.host;
  fetch.port = request.port;
  fetch.target = "/api/v1/enrolments/redeem";
  fetch.headers.push_back({"Content-Type", "application/json"});
  fetch.body = boost::json::serialize(body);
  const std::string where = request.host + ":" + std::to_string(request.port);
  auto response = co_await wire::fetch(fetch, *tls);
  if (!response) {
    const bool untrusted = response.error() == base::error_code(wire::errc::certificate_untrusted);
    answer.exit_code = untrusted ? 5 : 4;
    answer.problem = untrusted
                         ? "the hub at " + where + " does not have the CA fingerprint that was given; check --ca-sha256"
                         : "cannot reach the hub at " + where + ": " + response.error().message();
    co_return answer;
  }
  boost::system::error_code ec;
  const auto parsed = boost::json::parse(response->body, ec);
  const auto text = [&](const char* key) -> std::string {
    const auto* value = !ec && parsed.is_object() ? parsed.get_object().if_contains(key) : nullptr;
    return value != nullptr && value->is_string() ? std::string(value->get_string().data(), value->get_string().size())
                                                  : "";
  };
  if (response->status != 201) {
    answer.exit_code = 5;
    answer.problem =
        "the hub refused: " + (text("detail").empty() ? "status " + std::to_string(response->status) : text("detail"));
    co_return answer;
  }
  Credential credential;
  credential.host = request.host;
  credential.port = request.port;
  credential.device_id = text("device_id");
  credential.device_name = text("device_name");
  credential.ca_pem = text("ca_pem");
  credential.server_name = text("server_name");
  credential.certificate_pem = text("certificate_pem");
  // The certificate is all a device needs; a hub that signs none gives a token.
  if (credential.certificate_pem.empty()) {
    credential.token = text("token");
  } else {
    credential.key_pem = *private_key;
    const auto info = wire::read_certificate_info(credential.certificate_pem);
    credential.time_floor_us = info ? info->not_before_s * 1'000'000 : 0;
  }
  if (const std::string problem = problem_of(credential); !problem.empty()) {
    answer.exit_code = 1;
    answer.problem = "the hub's answer cannot be used: " + problem;
    co_return answer;
  }
  answer.credential = std::move(credential);
  co_return answer;
}

}  // namespace agent
