// The hub's own certificate authority and the server certificate that it signs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hub/core/errc.h"
#include "wire/tls_context.h"

namespace hub {

struct HubCertificates {
  std::string ca_pem;                 // the CA that signs the server certificate
  std::string ca_sha256_hex;          // its fingerprint
  std::string ca_bundle_pem;          // what devices are to trust: it and its successor, once there is one
  std::string chain_pem, key_pem;     // the server certificate with the CA's behind it
  bool issued = false;                // a new server certificate was made just now
  wire::KeyAndCertificate device_ca;  // signs the devices' certificates, and nothing else
  std::string device_ca_bundle_pem;   // whose certificates devices may show
};

/// Reads FOLDER/{ca.pem, ca.key, device-ca.pem, device-ca.key, server.pem, server.key, server.names} and the CAs'
/// successors (AuthorityLine); makes what is missing. Devices have to know a CA before it signs the server
/// certificate, so it waits; the hub knows its own at once, so the newest signs the devices'. The server certificate
/// is made anew when `names` or its CA changed, when less than 30 days are left, or when the files do not fit together.
Outcome<HubCertificates> open_certificates(const std::string& folder, const std::string& hub_id,
                                           const std::vector<std::string>& names, std::int64_t now_us);

/// hub-<id>, this machine's name, localhost, loopback and interface addresses, `public_host`: sorted, each once.
std::vector<std::string> server_names(const std::string& hub_id, const std::string& machine,
                                      const std::string& public_host);

}  // namespace hub
