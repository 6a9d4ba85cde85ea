// TLS settings of either side. TLS 1.2+, P-256, tickets and session cache off.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace wire {

inline constexpr char kDeviceAlpn[] = "telemetry-device/1";

/// What a client sees that offers kDeviceAlpn, and whose certificates it may show.
struct DeviceTls {
  std::string chain_pem, key_pem;  // signed by the hub's server CA, with the fixed name hub-<id>
  std::string device_ca_pem;       // one or several; never the server CA
};

/// The hub's certificate chains and keys, ready to accept. Immutable; shared by all cores. Who offers kDeviceAlpn gets
/// the chain of DeviceTls and is asked for a client certificate: none is fine, a foreign one ends the handshake, an
/// expired one passes for kRenewableAfterExpiry_s (see PeerCertificate). Everyone else gets the other chain and is
/// never asked. Without DeviceTls all get the one chain.
class ServerTls {
 public:
  /// PEM texts. Fails with a wire::errc where they do not parse or do not belong together.
  static base::Result<ServerTls> from_pem(const std::string& chain_pem, const std::string& key_pem,
                                          const std::optional<DeviceTls>& devices = std::nullopt);
  ssl_ctx_st* native() const { return context_.get(); }

 private:
  std::shared_ptr<ssl_ctx_st> context_;
};

/// Whom the client trusts. Exactly one of: a CA bundle, a pinned CA fingerprint, whoever is met first (neither: the
/// system's CAs).
class ClientTls {
 public:
  struct Options {
    std::string ca_pem;             // trust these CAs only
    std::string ca_sha256_hex;      // trust the chain whose CA certificate has this SHA-256 (first contact: enrolment)
    std::string alpn = "http/1.1";  // or kDeviceAlpn
    bool verify_host = true;
    std::string expected_name;             // the certificate's name where it is not the host: hub-<id>
    std::string certificate_pem, key_pem;  // shown where the server asks; both or neither
    std::int64_t verify_at_s = 0;          // Unix time at which the server's certificates must be valid; 0: now
    /// First contact without a fingerprint: the CA of the chain that is shown is trusted, whoever it is, and its
    /// fingerprint put here. With ca_sha256_hex it must be that one.
    std::shared_ptr<std::string> met_ca_sha256_hex{};
    bool accept_not_yet_valid = false;  // for machines without a clock: only a lapsed certificate is refused
  };
  static base::Result<ClientTls> make(const Options& options);
  ssl_ctx_st* native() const { return context_.get(); }
  const Options& options() const { return *options_; }

 private:
  std::shared_ptr<ssl_ctx_st> context_;
  std::shared_ptr<const Options> options_;
};

/// Keys and certificates as PEM. P-256, SHA-256.
struct KeyAndCertificate {
  std::string key_pem;
  std::string certificate_pem;
};
/// A self-signed CA, valid ten years from `now_s` (Unix time; 0: this machine's).
base::Result<KeyAndCertificate> make_certificate_authority(const std::string& common_name, std::int64_t now_s = 0);
/// A server certificate signed by `ca`, valid `days`; names are DNS names or IP addresses (told apart by form).
base::Result<KeyAndCertificate> make_server_certificate(const KeyAndCertificate& ca, const std::string& common_name,
                                                        const std::vector<std::string>& names, int days,
                                                        std::int64_t now_s = 0);
/// SHA-256 of the DER form, 64 lower-case hex digits.
base::Result<std::string> certificate_sha256(const std::string& certificate_pem);
/// SHA-256 of any bytes, 32 of them.
std::string sha256(std::string_view bytes);
/// Unix time of notAfter.
base::Result<std::int64_t> certificate_expiry(const std::string& certificate_pem);

}  // namespace wire
