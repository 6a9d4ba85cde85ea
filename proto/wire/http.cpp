// One of the two files where Beast is instantiated: the parsers of HTTP/1.1.
#include "wire/http.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>

#include "wire/client_socket.h"
#include "wire/deadline.h"
#include "wire/errc.h"
#include "wire/http_text.h"
#include "wire/tls_stream.h"

namespace wire {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr auto kWait = asio::as_tuple(asio::use_awaitable);

class ServerConnection final : public HttpConnection {
 public:
  ServerConnection(std::unique_ptr<TlsStream> stream, HttpLimits limits)
      : handle_(std::move(stream)),
        limits_(limits),
        alpn_(handle_.stream().alpn()),
        remote_(handle_.stream().remote_address()) {}

  Awaitable<Result<HttpRequest>> read() override {
    {
      const Deadline idle(stream(), first_ ? limits_.header : limits_.idle);
      if (buffer_.size() == 0) {
        const auto [ec] = co_await stream().async_readable(kWait);
        if (ec) co_return fail(ec);
      }
    }
    first_ = false;
    http::request_parser<http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
    parser.body_limit(limits_.body_bytes);
    {
      const Deadline deadline(stream(), limits_.header);
      const auto [ec, n] = co_await http::async_read_header(handle_, buffer_, parser, kWait);
      if (deadline.fired())
        co_return co_await refuse(408, "the request's header did not come in time", errc::timed_out);
      if (ec) co_return co_await refuse(ec);
    }
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      const auto [ec, n] = co_await asio::async_write(handle_, asio::buffer(kContinue), kWait);
      if (ec) co_return fail(ec);
    }
    if (!parser.is_done()) {
      const Deadline deadline(stream(), limits_.body);
      const auto [ec, n] = co_await http::async_read(handle_, buffer_, parser, kWait);
      if (deadline.fired()) co_return co_await refuse(408, "the request's body did not come in time", errc::timed_out);
      if (ec) co_return co_await refuse(ec);
    }
    auto message = parser.release();
    HttpRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    request.version = message.version();
    for (const auto& field : message) {
      request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
    }
    request.body = std::move(message.body());
    request.remote_address = remote_;
    request.is_upgrade = is_websocket_upgrade(request);
    keep_alive_ = message.keep_alive();
    co_return request;
  }

  Awaitable<error_code> write(const HttpRequest& request, HttpResponse response) override {
    const std::string_view body = response.static_body.empty() ? std::string_view(response.body) : response.static_body;
    const std::string head = response_head(response, body.size(), keep_alive_);
    const bool has_body = request.method != "HEAD" && response.status != 204 && response.status != 304;
    co_return co_await send(head, has_body ? body : std::string_view());
  }

  Awaitable<error_code> write_head(const HttpRequest& request, HttpResponse head) override {
    chunked_ = request.version >= 11;
    if (!chunked_) keep_alive_ = false;
    if (chunked_) head.headers.push_back({"Transfer-Encoding", "chunked"});
    const std::string text = response_head(head, std::nullopt, keep_alive_);
    co_return co_await send(text, {});
  }

  Awaitable<error_code> write_chunk(std::string_view chunk) override {
    if (!chunked_) co_return chunk.empty() ? error_code{} : co_await send(chunk, {});
    const std::string framed = chunk_text(chunk);
    co_return co_await send(framed, {});
  }

  bool keep_alive() const override { return keep_alive_; }

  Awaitable<Result<std::unique_ptr<Connection>>> upgrade(const HttpRequest& request, std::string subprotocol,
                                                         ConnectionLimits limits) override {
    keep_alive_ = false;
    auto stream = handle_.release();
    stream->unread({static_cast<const char*>(buffer_.data().data()), buffer_.size()});
    co_return co_await accept_websocket(std::move(stream), request, std::move(subprotocol), limits);
  }

  std::string alpn() const override { return alpn_; }
  std::string remote_address() const override { return remote_; }
  void abort() override { stream().abort(); }

 private:
  TlsStream& stream() { return handle_.stream(); }

  error_code fail(error_code ec) {
    keep_alive_ = false;
    return ec;
  }

  Awaitable<error_code> send(std::string_view head, std::string_view body) {
    const Deadline deadline(stream(), limits_.body);
    const std::array<asio::const_buffer, 2> parts{asio::buffer(head), asio::buffer(body)};
    const auto [ec, n] = co_await asio::async_write(handle_, parts, kWait);
    if (ec) keep_alive_ = false;
    co_return deadline.fired() ? error_code(errc::timed_out) : ec;
  }

  /// Answers what cannot be served at all, and ends the connection.
  Awaitable<Result<HttpRequest>> refuse(int status, std::string detail, error_code why) {
    keep_alive_ = false;
    const HttpResponse response = problem_response(status, detail);
    const std::string head = response_head(response, response.body.size(), false);
    (void)co_await send(head, response.body);
    co_return why;
  }

  Awaitable<Result<HttpRequest>> refuse(error_code ec) {
    if (ec == http::error::header_limit) {
      co_return co_await refuse(431, "the header is longer than " + std::to_string(limits_.header_bytes) + " bytes",
                                ec);
    }
    if (ec == http::error::body_limit) {
      co_return co_await refuse(413, "the body is longer than " + std::to_string(limits_.body_bytes) + " bytes", ec);
    }
    const bool peer_left = ec == http::error::end_of_stream || ec == http::error::partial_message;
    if (!peer_left && ec.category() == make_error_code(http::error::end_of_stream).category()) {
      co_return co_await refuse(400, "not an HTTP/1.1 request: " + ec.message(), ec);
    }
    co_return fail(ec);
  }

  TlsHandle handle_;
  HttpLimits limits_;
  std::string alpn_, remote_;
  beast::flat_buffer buffer_;
  bool first_ = true;
  bool keep_alive_ = true;
  bool chunked_ = false;
};

}  // namespace

Awaitable<Result<std::unique_ptr<HttpConnection>>> accept_http(asio::ip::tcp::socket socket, const ServerTls& tls,
                                                               HttpLimits limits) {
  // A stalled viewer may hold this much in the kernel, not megabytes.
  error_code ignored;
  socket.set_option(asio::socket_base::send_buffer_size(128 * 1024), ignored);
  auto stream = std::make_unique<TlsStream>(std::move(socket), tls.native(), TlsRole::server);
  {
    const Deadline deadline(*stream, limits.handshake);
    const auto [ec] = co_await stream->async_handshake(kWait);
    if (deadline.fired()) co_return error_code(errc::timed_out);
    if (ec) co_return ec;
  }
  co_return std::make_unique<ServerConnection>(std::move(stream), limits);
}

Awaitable<Result<HttpResponse>> fetch(FetchRequest request, const ClientTls& tls) {
  auto stream = co_await connect_tls(request.host, request.port, tls, request.deadline);
  if (!stream) co_return stream.error();
  TlsHandle handle(std::move(*stream));
  const Deadline deadline(handle.stream(), request.deadline);
  const std::string text = request_text(request);
  const auto [write_error, written] = co_await asio::async_write(handle, asio::buffer(text), kWait);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(16 * 1024 * 1024);
  if (request.method == "HEAD") parser.skip(true);
  const auto [read_error, n] = co_await http::async_read(handle, buffer, parser, kWait);
  if (deadline.fired()) co_return error_code(errc::timed_out);
  if (read_error) co_return write_error ? write_error : read_error;
  HttpResponse response;
  response.status = static_cast<int>(parser.get().result_int());
  for (const auto& field : parser.get()) {
    response.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  }
  response.body = std::move(parser.get().body());
  handle.stream().shutdown();
  co_return response;
}

}  // namespace wire
