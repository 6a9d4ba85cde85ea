#include "device-agent/credential_file.h"

#include <toml++/toml.h>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <sstream>

#include "wire/errc.h"
#include "wire/http.h"

namespace agent {

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
    if (!c.host.empty() && !c.token.empty() && !c.ca_pem.empty()) return c;
    problem = path + ": host, token or ca_pem is missing; enroll again";
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
  const toml::table root{{"host", c.host},           {"port", std::int64_t{c.port}},
                         {"device_id", c.device_id}, {"device_name", c.device_name},
                         {"token", c.token},         {"ca_pem", c.ca_pem}};
  std::ostringstream text;
  text << "# This device's credential: whoever reads it can speak as the device.\n" << root << "\n";
  return write_private_file(folder + "/credential.toml", text.str());
}

boost::asio::awaitable<EnrolAnswer> enrol(EnrolRequest request) {
  EnrolAnswer answer;
  wire::ClientTls::Options options;
  options.ca_sha256_hex = request.ca_sha256;
  const auto tls = wire::ClientTls::make(options);
  if (!tls) {
    answer.exit_code = 1;
    answer.problem = tls.error().message();
    co_return answer;
  }
  boost::json::object body;
  body["token"] = request.token;
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
  answer.credential =
      Credential{request.host, request.port, text("device_id"), text("device_name"), text("token"), text("ca_pem")};
  if (answer.credential->token.empty() || answer.credential->ca_pem.empty()) {
    answer.credential.reset();
    answer.exit_code = 1;
    answer.problem = "the hub's answer has no token or CA";
  }
  co_return answer;
}

}  // namespace agent
