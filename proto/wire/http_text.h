// HTTP heads as text, and what a request's headers mean. Private to wire.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/http.h"

namespace wire {

/// Status line and headers. `content_length` nothing: the caller frames the body itself.
std::string response_head(const HttpResponse& response, std::optional<std::size_t> content_length, bool keep_alive);
std::string request_text(const FetchRequest& request);
/// An empty chunk is the last one.
std::string chunk_text(std::string_view chunk);
/// application/problem+json of a request that never reached a route.
HttpResponse problem_response(int status, std::string_view detail);
/// GET, HTTP/1.1, Upgrade: websocket, Connection: upgrade, version 13, a key of 16 bytes.
bool is_websocket_upgrade(const HttpRequest& request);
bool equals_ignoring_case(std::string_view a, std::string_view b);

}  // namespace wire
