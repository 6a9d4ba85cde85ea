#include "hub/web/enrolment_command.h"

#include <unistd.h>

#include <array>

namespace hub::web {
namespace {

bool is_loopback(std::string_view host_header) {
  if (host_header.starts_with("[")) return host_header.starts_with("[::1]");
  const std::string_view host = host_header.substr(0, host_header.rfind(':'));
  return host == "localhost" || host.starts_with("127.") || host.empty();
}

bool is_address(std::string_view host_header) {  // what a Host header may hold; it goes into a shell command
  for (const char c : host_header) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                      c == '-' || c == ':' || c == '[' || c == ']' || c == '_';
    if (!good) return false;
  }
  return true;
}

}  // namespace

std::string machine_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

std::string url_host(std::string_view host) {
  if (host.find(':') != std::string_view::npos && !host.starts_with("[")) return "[" + std::string(host) + "]";
  return std::string(host);
}

std::string reachable_address(std::string_view public_host, std::string_view host_header, std::uint16_t port) {
  const std::string suffix = ":" + std::to_string(port);
  if (!public_host.empty()) return url_host(public_host) + suffix;
  if (!is_loopback(host_header) && is_address(host_header)) {
    const bool has_port =
        host_header.find(':', host_header.find(']') == std::string_view::npos ? 0 : host_header.find(']')) !=
        std::string_view::npos;
    return std::string(host_header) + (has_port ? "" : ":443");
  }
  return url_host(machine_name()) + suffix;
}

std::string enrolment_command(std::string_view address, std::string_view token, std::string_view ca_sha256_hex,
                              std::string_view name) {
  std::string command = "device-agent enroll https://" + std::string(address) + " " + std::string(token);
  if (!ca_sha256_hex.empty()) command += " --ca-sha256 " + std::string(ca_sha256_hex);
  if (!name.empty()) command += " --name '" + std::string(name) + "'";  // device names hold no quotes
  return command;
}

boost::json::object enrolment_answer(const Enrolment& made, const HubAddress& hub, std::string_view name) {
  boost::json::object answer;
  answer["id"] = made.id;
  answer["token"] = made.token;
  answer["command"] = enrolment_command(hub.address, made.token, hub.ca_sha256_hex, name);
  answer["install_command"] = nullptr;
  if (hub.packages && !hub.packages->is_empty()) {
    const std::string script = install_script(*hub.packages, hub.address, hub.ca_sha256_hex);
    answer["install_command"] = install_command(script, hub.address, made.token, name);
  }
  answer["expires"] = made.expires_us;
  answer["uses"] = made.uses;
  return answer;
}

}  // namespace hub::web
