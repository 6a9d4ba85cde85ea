// Certificate authorities and device certificates for tests that need some.
#pragma once

#include <openssl/pem.h>

#include <map>
#include <memory>
#include <string>

#include "wire/device_certificate.h"
#include "wire/tls_context.h"

namespace fakes {

/// The same one for the same name, made at its first use.
inline const wire::KeyAndCertificate& test_ca(const std::string& name) {
  static std::map<std::string, wire::KeyAndCertificate> made;
  auto found = made.find(name);
  if (found == made.end()) found = made.emplace(name, wire::make_certificate_authority(name).value()).first;
  return found->second;
}

inline wire::KeyAndCertificate device_certificate(const std::string& device_id, std::int64_t from_s,
                                                  std::int64_t until_s) {
  const std::string key = wire::make_private_key().value();
  const std::string request = wire::make_signing_request(key, device_id).value();
  return {key, wire::sign_device_certificate(test_ca("device CA"), request, device_id, from_s, until_s).value()};
}

/// The key (PEM) behind the passphrase "secret".
inline std::string with_passphrase(const std::string& key_pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())),
                                                     BIO_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  char secret[] = "secret";
  PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), secret, 6, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace fakes
