// The one line that an operator pastes on a device.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hub::web {

/// HOST:PORT under which another machine reaches this hub: the configured public host, else what the operator's own
/// browser used (`host_header`), else, where that is this machine's loopback, the machine's name.
std::string reachable_address(std::string_view public_host, std::string_view host_header, std::uint16_t port);

/// device-agent enroll https://ADDRESS TOKEN --ca-sha256 HEX [--name 'NAME'], quoted for a shell.
std::string enrolment_command(std::string_view address, std::string_view token, std::string_view ca_sha256_hex,
                              std::string_view name);

/// An address as URLs write it: IPv6 in brackets.
std::string url_host(std::string_view host);
std::string machine_name();

}  // namespace hub::web
