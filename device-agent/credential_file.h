// DIR/credential.toml and enrolment.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>

#include "device-agent/link/credential.h"

namespace agent {

/// Nothing where the file is not there or not whole; `problem` says which.
std::optional<Credential> load_credential(const std::string& folder, std::string& problem);
base::Result<void> save_credential(const std::string& folder, const Credential& credential);

struct EnrolRequest {
  std::string host;
  std::uint16_t port = 8443;
  std::string token, name, ca_sha256;
};
struct EnrolAnswer {
  std::optional<Credential> credential;
  int exit_code = 0;  // 4: not reached, 5: refused
  std::string problem;
};
boost::asio::awaitable<EnrolAnswer> enrol(EnrolRequest request);

}  // namespace agent
