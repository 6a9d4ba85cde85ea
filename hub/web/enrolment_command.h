// The one line that an operator pastes on a device.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "hub/identity/identity.h"
#include "hub/web/agent_packages.h"

namespace hub::web {

/// HOST:PORT under which another machine reaches this hub: the configured public host, else what the operator's own
/// browser used (`host_header`), else, where that is this machine's loopback, the machine's name.
std::string reachable_address(std::string_view public_host, std::string_view host_header, std::uint16_t port);

/// device-agent enroll https://ADDRESS TOKEN --ca-sha256 HEX [--name 'NAME'], quoted for a shell.
std::string enrolment_command(std::string_view address, std::string_view token, std::string_view ca_sha256_hex,
                              std::string_view name);

/// Where devices find this hub, and what it has for them.
struct HubAddress {
  std::string address;  // HOST:PORT
  std::string ca_sha256_hex;
  std::shared_ptr<const AgentPackages> packages;
};

/// {id, token, command, install_command, expires, uses}; install_command is null where there are no packages.
boost::json::object enrolment_answer(const Enrolment& made, const HubAddress& hub, std::string_view name);

/// An address as URLs write it: IPv6 in brackets.
std::string url_host(std::string_view host);
std::string machine_name();

}  // namespace hub::web
