// The client's way to a verified TLS stream. Private to wire.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "wire/connection.h"
#include "wire/tls_stream.h"

namespace wire {

/// Resolves, connects (each address in turn, or the proxy and through it), and shakes hands; each of these stages
/// within `stage_limit`. `report` says how far it came.
Awaitable<Result<std::shared_ptr<TlsStream>>> connect_tls(std::string host, std::uint16_t port, ClientTls tls,
                                                          std::chrono::milliseconds stage_limit,
                                                          std::optional<Proxy> proxy = std::nullopt,
                                                          ConnectReport* report = nullptr);

}  // namespace wire
