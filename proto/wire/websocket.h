// The server's half of a WebSocket upgrade; the client's is connect() in connection.h. No Beast here: websocket.cpp.
#pragma once

#include <memory>
#include <string>

#include "wire/connection.h"
#include "wire/http.h"
#include "wire/tls_stream.h"

namespace wire {

/// Answers `request`, which must be a well-formed upgrade, with 101 and turns `stream` into a WebSocket. `subprotocol`
/// is named in the answer if the client offered it. Never waits: the answer is small and writes do not block.
Result<std::unique_ptr<Connection>> accept_websocket(std::shared_ptr<TlsStream> stream, const HttpRequest& request,
                                                     const std::string& subprotocol, const ConnectionLimits& limits);

}  // namespace wire
