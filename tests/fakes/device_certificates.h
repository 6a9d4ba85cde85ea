// Certificate authorities and device certificates for tests that need some.
#pragma once

#include <map>
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

}  // namespace fakes
