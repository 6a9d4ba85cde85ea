// What certificates are made of and how they are read. Private to wire.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "wire/device_certificate.h"
#include "wire/openssl.h"

namespace wire::openssl {

std::string key_text(EVP_PKEY* key);
std::string certificate_text(X509* certificate);
/// 128 random bits of which the first two are fixed, so that the number is positive and of one length: 32 hex digits.
Number random_serial();
/// Version 3, a random serial; subject, issuer, key and extensions are the caller's. Unix times.
Certificate blank_certificate(EVP_PKEY* key, const std::string& common_name, std::int64_t not_before_s,
                              std::int64_t not_after_s);
bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value);
/// A new P-256 key.
Key make_key();
Key read_key(const std::string& pem);
Certificate read_certificate_text(const std::string& pem);
base::Result<CertificateInfo> info_of(X509* certificate);

}  // namespace wire::openssl
