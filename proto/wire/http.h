// HTTP/1.1 over our own TLS stream: the server's side of one connection, and a small client. Beast lives in http.cpp.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/connection.h"
#include "wire/peer_certificate.h"
#include "wire/response_stream.h"

namespace wire {

struct Header {
  std::string name;  // as received; look-ups ignore case
  std::string value;
};

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // path and query as sent
  std::vector<Header> headers;
  std::string body;
  std::string remote_address;
  std::optional<PeerCertificate> certificate;  // the client's; with kDeviceAlpn only
  unsigned version = 11;
  bool is_upgrade = false;                               // a well-formed WebSocket upgrade
  std::string_view header(std::string_view name) const;  // first value; empty if absent
};

struct HttpResponse {
  int status = 200;
  std::vector<Header> headers;  // Content-Length, Date, Connection are added
  std::string body;
  std::string_view static_body;  // instead of body: bytes that outlive the program (embedded assets)
  std::string_view header(std::string_view name) const;
};

struct HttpLimits {
  std::size_t header_bytes = 16 * 1024;
  std::size_t body_bytes = 1024 * 1024;
  std::chrono::milliseconds handshake{10'000};  // TLS
  std::chrono::milliseconds header{10'000};     // from its first byte; the first request's from the handshake on
  std::chrono::milliseconds idle{90'000};       // between two requests
  std::chrono::milliseconds body{15'000};
};

/// One accepted connection, from TLS to its end or its upgrade. Same thread rules as Connection.
class HttpConnection {
 public:
  virtual ~HttpConnection() = default;
  /// Malformed or oversized requests are answered (400, 408, 413, 431) here and end as an error.
  virtual Awaitable<Result<HttpRequest>> read() = 0;
  virtual Awaitable<error_code> write(const HttpRequest& request, HttpResponse response) = 0;
  /// Chunked streaming: head first, then any number of chunks; an empty chunk ends it.
  virtual Awaitable<error_code> write_head(const HttpRequest& request, HttpResponse head) = 0;
  virtual Awaitable<error_code> write_chunk(std::string_view chunk) = 0;
  /// Writes the head and turns this connection into its answer's body (this object is empty afterwards): for streams
  /// that have no end of their own, whose writer must not wait for the peer. See response_stream.h.
  virtual Result<std::unique_ptr<ResponseStream>> stream(const HttpRequest& request, HttpResponse head,
                                                         std::size_t backlog_bytes) = 0;
  /// False after `Connection: close` or an error.
  virtual bool keep_alive() const = 0;
  /// Turns this connection into a WebSocket (this object is empty afterwards).
  virtual Awaitable<Result<std::unique_ptr<Connection>>> upgrade(const HttpRequest& request, std::string subprotocol,
                                                                 ConnectionLimits limits) = 0;
  virtual std::string alpn() const = 0;
  virtual std::string remote_address() const = 0;
  virtual void abort() = 0;
};

/// Takes an accepted socket through the TLS handshake.
Awaitable<Result<std::unique_ptr<HttpConnection>>> accept_http(boost::asio::ip::tcp::socket socket,
                                                               const ServerTls& tls, HttpLimits limits);

struct FetchRequest {
  std::string method = "GET";
  std::string host;
  std::uint16_t port = 8443;
  std::string target;
  std::vector<Header> headers;
  std::string body;
  std::chrono::milliseconds deadline{30'000};
  std::optional<Proxy> proxy{};
};
/// One request on a connection of its own.
Awaitable<Result<HttpResponse>> fetch(FetchRequest request, const ClientTls& tls, ConnectReport* report = nullptr);

}  // namespace wire
