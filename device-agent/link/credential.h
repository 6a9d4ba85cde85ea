// What a device holds of its hub after enrolment: DIR/credential.toml, readable by its owner only.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace agent {

struct Credential {
  std::string host;
  std::uint16_t port = 8443;
  std::string device_id, device_name;
  std::string token;                     // where there is no certificate
  std::string ca_pem;                    // one CA or several: what may sign the hub's certificate
  std::string server_name;               // whom that certificate names; empty: the host
  std::string key_pem, certificate_pem;  // made on this device; both or neither
  std::int64_t time_floor_us = 0;        // it is not earlier than this, whatever the clock says; Unix time, 0: unknown
};

/// Why it cannot be used; empty: it can.
std::string problem_of(const Credential& credential);

/// "https://HOST[:PORT]"; false where it is not of that form.
bool parse_hub_url(const std::string& url, std::string& host, std::uint16_t& port);

/// Written whole or not at all, mode 0600.
base::Result<void> write_private_file(const std::string& path, const std::string& text);

}  // namespace agent
