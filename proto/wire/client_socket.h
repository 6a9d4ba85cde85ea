// The client's way to a verified TLS stream. Private to wire.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "wire/connection.h"
#include "wire/tls_stream.h"

namespace wire {

/// Resolves, connects (each address in turn) and shakes hands; each of the three stages within `stage_limit`.
Awaitable<Result<std::shared_ptr<TlsStream>>> connect_tls(std::string host, std::uint16_t port, ClientTls tls,
                                                          std::chrono::milliseconds stage_limit);

}  // namespace wire
