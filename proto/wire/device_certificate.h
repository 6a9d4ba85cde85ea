// A device's own key and certificate: asked for by the device, signed by the hub's device CA. All functions are pure
// and may be called on any thread; what does not parse or fit is errc::bad_certificate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/tls_context.h"

namespace wire {

/// Longer requests are not worth parsing; ours have about 250 bytes.
inline constexpr std::size_t kMaxSigningRequestBytes = 4'096;
/// An expired certificate may still ask for its successor for so long.
inline constexpr std::int64_t kRenewableAfterExpiry_s = 365 * 86'400;

/// PKCS #8 in PEM, P-256.
base::Result<std::string> make_private_key();
/// PKCS #10 in DER, signed with the key.
base::Result<std::string> make_signing_request(const std::string& key_pem, const std::string& common_name);
base::Result<std::string> signing_request_pem(std::string_view request_der);

/// What a device and the hub's page both show before a person lets the device in, "ABCD-EFGH": 40 bits of SHA-256 over
/// the request's public key and the fingerprint of the CA that the device has met. Whoever stands between them has
/// another key or another CA, so the two differ. The request must be for a P-256 key and signed with it.
base::Result<std::string> approval_code(std::string_view request, const std::string& ca_sha256_hex);

/// A client certificate (PEM) for the key of `request` (DER or PEM), which must be P-256 and sign the request itself.
/// Nothing else of the request counts: whose certificate it is says `common_name`. clientAuth only, a random serial;
/// it does not outlive the CA.
base::Result<std::string> sign_device_certificate(const KeyAndCertificate& device_ca, std::string_view request,
                                                  const std::string& common_name, std::int64_t not_before_s,
                                                  std::int64_t not_after_s);

struct CertificateInfo {
  std::string serial_hex;  // lower case, as it is long
  std::string common_name;
  std::int64_t not_before_s = 0, not_after_s = 0;  // Unix times
};
/// Of the first certificate of a PEM text.
base::Result<CertificateInfo> read_certificate_info(const std::string& certificate_pem);
bool key_fits_certificate(const std::string& key_pem, const std::string& certificate_pem);

}  // namespace wire
