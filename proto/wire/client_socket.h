// The client's way to a verified TLS stream. Private to wire.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "wire/tls_context.h"
#include "wire/tls_stream.h"

namespace wire {

/// Resolves, connects, shakes hands; each stage within `limit`.
boost::asio::awaitable<base::Result<std::unique_ptr<TlsStream>>> connect_tls(std::string host, std::uint16_t port,
                                                                             const ClientTls& tls,
                                                                             std::chrono::milliseconds limit);

/// Makes the upgraded WebSocket out of a stream: defined in websocket.cpp, called by http.cpp.
class Connection;
struct ConnectionLimits;
struct HttpRequest;
boost::asio::awaitable<base::Result<std::unique_ptr<Connection>>> accept_websocket(std::unique_ptr<TlsStream> stream,
                                                                                   const HttpRequest& request,
                                                                                   std::string subprotocol,
                                                                                   ConnectionLimits limits);

}  // namespace wire
