// HTTP heads as text, and what a request's headers mean. Private to wire; no Beast here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/http.h"

namespace wire {

/// How the bytes after a head are delimited.
enum class Framing { length, chunked, until_close, none };

/// The first value of `name`; empty if absent.
std::string_view find_header(const std::vector<Header>& headers, std::string_view name);
/// Whether a comma-separated header lists `token`, in any of its lines; case does not matter.
bool has_token(const std::vector<Header>& headers, std::string_view name, std::string_view token);
bool equal_ignoring_case(std::string_view a, std::string_view b);

/// The head of an answer. Headers that the framing decides (Content-Length, Transfer-Encoding, Connection) are ours;
/// one that could break out of its line is left out.
std::string response_head(const HttpResponse& response, unsigned version, Framing framing, std::size_t body_bytes,
                          bool keep_alive);
/// A client's whole request; nothing where a part of it cannot stand in a head.
std::optional<std::string> request_text(const FetchRequest& request, std::string_view host);

/// "host:port" for the Host header, an IPv6 address in brackets.
std::string host_header(const std::string& host, std::uint16_t port);

/// Free of line breaks and NULs: may stand in an HTTP head.
bool is_head_text(std::string_view text);

/// An empty chunk is the last one.
std::string chunk_text(std::string_view chunk);
/// application/problem+json of a request that never reached a route.
HttpResponse problem_response(int status, std::string_view detail);
/// GET, HTTP/1.1, Connection, Upgrade, version 13 and a key of 16 bytes.
bool is_websocket_upgrade(const HttpRequest& request);

}  // namespace wire
