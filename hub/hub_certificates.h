// The hub's own certificate authority and the server certificate that it signs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hub/core/errc.h"
#include "wire/tls_context.h"

namespace hub {

struct HubCertificates {
  std::string ca_pem, ca_sha256_hex;
  std::string chain_pem, key_pem;     // the server certificate with the CA's behind it
  bool issued = false;                // a new server certificate was made just now
  wire::KeyAndCertificate device_ca;  // signs the devices' certificates, and nothing else
};

/// Reads FOLDER/{ca.pem, ca.key, device-ca.pem, device-ca.key, server.pem, server.key, server.names}; makes what is
/// missing. The CAs are made once, since devices trust the one and are known by the other: one without its key is an
/// error, never a reason for a new one. The server
/// certificate is made anew when `names` changed, when less than 30 days are left, or when the files do not fit
/// together.
Outcome<HubCertificates> open_certificates(const std::string& folder, const std::string& hub_id,
                                           const std::vector<std::string>& names, std::int64_t now_us);

/// hub-<id>, the machine's name, localhost, loopback and interface addresses, `public_host`: sorted, each once.
std::vector<std::string> server_names(const std::string& hub_id, const std::string& public_host);

}  // namespace hub
