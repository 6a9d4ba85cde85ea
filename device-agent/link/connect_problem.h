// Why the hub was not reached, for a person: which part failed, and what to look at.
#pragma once

#include <cstdint>
#include <string>

#include "wire/connection.h"

namespace agent {

/// Whom was to be reached, and by which way.
struct ConnectRoute {
  std::string host;
  std::uint16_t port = 0;
  const wire::Proxy* proxy = nullptr;
};

/// One sentence without a secret. `ec` is what connect() or fetch() ended with, `report` how far it came.
std::string connect_problem(const ConnectRoute& route, const base::error_code& ec, const wire::ConnectReport& report);

/// Somebody answers, and it is not the hub: another certificate, or no TLS at all.
bool is_somebody_else(const base::error_code& ec, const wire::ConnectReport& report);

}  // namespace agent
