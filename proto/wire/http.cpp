#include "wire/http.h"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <utility>

#include "wire/client_socket.h"
#include "wire/deadline.h"
#include "wire/errc.h"
#include "wire/http_text.h"
#include "wire/tls_stream.h"
#include "wire/websocket.h"

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

namespace wire {
namespace {

using RequestParser = http::request_parser<http::string_body>;
using ResponseParser = http::response_parser<http::string_body>;

constexpr std::size_t kReadBytes = 4 * 1024;
constexpr std::size_t kWriteBytes = 64 * 1024;    // handed to the stream at once …
constexpr std::size_t kWriteBacklog = 64 * 1024;  // … while at most this much waits unsent
constexpr int kSendBufferBytes = 128 * 1024;      // kernel memory a stalled peer can hold
constexpr std::chrono::seconds kLinger{2};
constexpr std::chrono::milliseconds kRefusedLinger{500};  // after a handshake that failed
constexpr std::size_t kFetchHeaderBytes = 64 * 1024;
constexpr std::size_t kFetchBodyBytes = 64 * 1024 * 1024;

/// How a request that the parser refused is answered; 0: not at all, the peer is gone.
int status_of(const error_code& ec) {
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) return 431;
  if (ec == http::error::body_limit) return 413;
  if (ec == http::error::end_of_stream || ec == http::error::partial_message) return 0;
  return 400;
}

HttpResponse refusal(int status, const error_code& ec, const HttpLimits& limits) {
  switch (status) {
    case 408:
      return problem_response(status, "the request did not come in time");
    case 413:
      return problem_response(status, "the body is longer than " + std::to_string(limits.body_bytes) + " bytes");
    case 431:
      return problem_response(status, "the header is longer than " + std::to_string(limits.header_bytes) + " bytes");
    default:
      return problem_response(status, "not an HTTP/1.1 request: " + ec.message());
  }
}

std::vector<Header> headers_of(const http::fields& fields) {
  std::vector<Header> headers;
  for (const auto& field : fields) headers.push_back({std::string(field.name_string()), std::string(field.value())});
  return headers;
}

/// Takes what the peer sent into `buffer`; waits where nothing is there, unless `late` (a deadline may have passed
/// between two waits, with nothing to cancel).
Awaitable<error_code> receive(TlsStream& stream, beast::flat_buffer& buffer, const bool& late) {
  for (;;) {
    error_code ec;
    const std::size_t n = stream.try_read(buffer.prepare(kReadBytes), ec);
    buffer.commit(n);
    if (n > 0 || ec) co_return ec;
    if (late) co_return errc::timed_out;
    if (const auto wait_error = co_await stream.wait_readable()) co_return wait_error;
  }
}

/// False: more bytes are needed.
template <class Parser>
bool parse(Parser& parser, beast::flat_buffer& buffer, error_code& ec) {
  if (buffer.size() == 0) return false;
  const std::size_t n = parser.put(buffer.data(), ec);
  buffer.consume(n);
  if (ec == http::error::need_more) {
    ec = {};
    return false;
  }
  return ec || n > 0 || parser.is_done();
}

/// Absolute-form targets ("https://host/path") name what the Host header names: only the path matters.
std::string path_of(std::string_view target) {
  const auto scheme = target.find("://");
  if (target.empty() || target.front() == '/' || scheme == std::string_view::npos) return std::string(target);
  const auto path = target.find('/', scheme + 3);
  return path == std::string_view::npos ? "/" : std::string(target.substr(path));
}

class ServerHttpConnection final : public HttpConnection {
 public:
  ServerHttpConnection(std::shared_ptr<TlsStream> stream, const HttpLimits& limits)
      : stream_(std::move(stream)),
        limits_(limits),
        deadline_(stream_->get_executor()),
        alpn_(stream_->alpn()),
        remote_address_(stream_->remote_address()),
        certificate_(alpn_ == kDeviceAlpn ? stream_->peer_certificate() : std::nullopt) {}

  ~ServerHttpConnection() override {
    if (stream_ && stream_->is_open()) stream_->close();
  }

  Awaitable<Result<HttpRequest>> read() override {
    if (!stream_ || !keep_alive_) co_return error_code(errc::closed);
    RequestParser parser;
    parser.header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
    parser.body_limit(limits_.body_bytes);

    // One deadline for the first request: waiting to begin wins no time.
    const bool is_first = std::exchange(first_, false);
    if (is_first) arm(limits_.header);
    if (buffer_.size() == 0) {
      if (!is_first) arm(limits_.idle);
      const auto ec = co_await receive(*stream_, buffer_, late_);
      if (ec) co_return end(ec == asio::error::eof ? error_code(errc::closed) : ec);
    }
    if (!is_first) arm(limits_.header);
    while (!parser.is_header_done()) {
      if (const auto ec = co_await step(parser)) co_return co_await refuse(ec);
    }
    HttpRequest request;
    request.version = parser.get().version();
    request.method = std::string(parser.get().method_string());
    request.target = path_of(parser.get().target());
    request.headers = headers_of(parser.get().base());
    request.remote_address = remote_address_;
    request.certificate = certificate_;
    if ((request.version != 11 && request.version != 10) || request.target.empty() ||
        (request.version == 11 && parser.get().count(http::field::host) != 1)) {
      co_return co_await refuse(http::error::bad_field);
    }
    if (!parser.is_done()) {
      arm(limits_.body);
      if (request.version == 11 && equal_ignoring_case(request.header("Expect"), "100-continue") &&
          buffer_.size() == 0) {
        constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
        error_code ec;
        stream_->put(asio::buffer(kContinue));
        stream_->push(ec);
        if (ec) co_return end(ec);
      }
      while (!parser.is_done()) {
        if (const auto ec = co_await step(parser)) co_return co_await refuse(ec);
      }
    }
    deadline_.disarm();
    keep_alive_ = parser.keep_alive();
    request.body = std::move(parser.get().body());
    request.is_upgrade = is_websocket_upgrade(request);
    co_return request;
  }

  Awaitable<error_code> write(const HttpRequest& request, HttpResponse response) override {
    if (!stream_) co_return errc::closed;
    const std::string_view body = response.static_body.empty() ? response.body : response.static_body;
    const bool bodiless = response.status == 204 || response.status == 304;
    keep_alive_ = keep_alive_ && !has_token(response.headers, "Connection", "close");
    const auto head =
        response_head(response, request.version, bodiless ? Framing::none : Framing::length, body.size(), keep_alive_);
    co_return co_await send(head, bodiless || request.method == "HEAD" ? std::string_view() : body, 0);
  }

  Awaitable<error_code> write_head(const HttpRequest& request, HttpResponse head) override {
    if (!stream_) co_return errc::closed;
    stream_head_only_ = request.method == "HEAD";
    // HTTP/1.0 has no chunks: its stream ends with the connection.
    chunked_ = request.version >= 11;
    keep_alive_ = keep_alive_ && chunked_ && !has_token(head.headers, "Connection", "close");
    const auto text =
        response_head(head, request.version, chunked_ ? Framing::chunked : Framing::until_close, 0, keep_alive_);
    co_return co_await send(text, "", kWriteBacklog);
  }

  Awaitable<error_code> write_chunk(std::string_view chunk) override {
    if (!stream_) co_return errc::closed;
    const bool last = chunk.empty();
    if (stream_head_only_) co_return error_code{};
    if (!chunked_) co_return co_await send("", chunk, last ? 0 : kWriteBacklog);
    const std::string framed = chunk_text(chunk);
    co_return co_await send("", framed, last ? 0 : kWriteBacklog);
  }

  Result<std::unique_ptr<ResponseStream>> stream(const HttpRequest& request, HttpResponse head,
                                                 std::size_t backlog_bytes) override {
    if (!stream_) return error_code(errc::closed);
    const bool chunked = request.version >= 11;
    const auto text = response_head(head, request.version, chunked ? Framing::chunked : Framing::until_close, 0, false);
    error_code ec;
    stream_->put(asio::buffer(text));
    stream_->push(ec);
    if (ec) return end(ec);
    deadline_.disarm();
    keep_alive_ = false;
    buffer_ = {};
    return make_response_stream(std::exchange(stream_, nullptr), chunked, backlog_bytes);
  }

  bool keep_alive() const override { return stream_ && keep_alive_ && stream_->is_open(); }

  Awaitable<Result<std::unique_ptr<Connection>>> upgrade(const HttpRequest& request, std::string subprotocol,
                                                         ConnectionLimits limits) override {
    if (!stream_ || !request.is_upgrade) co_return error_code(errc::upgrade_refused);
    const auto left_over = buffer_.data();
    stream_->unread({static_cast<const char*>(left_over.data()), left_over.size()});
    buffer_ = {};
    deadline_.disarm();
    co_return accept_websocket(std::exchange(stream_, nullptr), request, subprotocol, limits);
  }

  std::string alpn() const override { return alpn_; }
  std::string remote_address() const override { return remote_address_; }
  void abort() override {
    keep_alive_ = false;
    if (stream_) stream_->close();
  }

 private:
  void arm(std::chrono::milliseconds limit) {
    late_ = false;
    deadline_.arm(limit, [this] {
      late_ = true;
      stream_->cancel_waits();
    });
  }

  /// Parses what is buffered, or receives more. The parser holds a body until it is whole; its limit bounds that.
  Awaitable<error_code> step(RequestParser& parser) {
    error_code ec;
    if (parse(parser, buffer_, ec)) co_return ec;
    co_return co_await receive(*stream_, buffer_, late_);
  }

  error_code end(const error_code& ec) {
    deadline_.disarm();
    keep_alive_ = false;
    return late_ ? error_code(errc::timed_out) : ec;
  }

  Awaitable<error_code> refuse(error_code ec) {
    const bool late = late_;
    end(ec);
    const bool parser_said = ec.category() == make_error_code(http::error::need_more).category();
    const int status = late ? 408 : parser_said ? status_of(ec) : 0;
    if (status != 0) {
      const HttpRequest unknown;
      co_await write(unknown, refusal(status, ec, limits_));
    }
    if (late) co_return errc::timed_out;
    if (!parser_said) co_return ec == asio::error::eof ? error_code(errc::closed) : ec;
    co_return status == 413 || status == 431 ? errc::too_large : errc::malformed;
  }

  /// Hands over piece by piece; between pieces the peer has `limits_.body` to make room. Completes when at most `rest`
  /// bytes wait unsent.
  Awaitable<error_code> send(std::string_view head, std::string_view body, std::size_t rest) {
    error_code ec;
    stream_->put(asio::buffer(head));
    while (body.size() > kWriteBytes && !ec) {
      stream_->put(asio::buffer(body.substr(0, kWriteBytes)));
      stream_->push(ec);
      body.remove_prefix(kWriteBytes);
      if (!ec) ec = co_await wait_backlog(kWriteBacklog);
    }
    if (!ec) {
      stream_->put(asio::buffer(body));
      stream_->push(ec);
    }
    if (!ec) ec = co_await wait_backlog(rest);
    if (!ec && rest == 0 && !keep_alive_) stream_->leave(kLinger);
    co_return ec ? end(ec) : ec;
  }

  Awaitable<error_code> wait_backlog(std::size_t bytes) {
    if (stream_->backlog_bytes() <= bytes) co_return error_code{};
    // A peer that takes nothing for so long gets nothing more.
    late_ = false;
    deadline_.arm(limits_.body, [this] {
      late_ = true;
      stream_->close();
    });
    const auto ec = co_await stream_->wait_backlog(bytes);
    deadline_.disarm();
    co_return late_ ? error_code(errc::timed_out) : ec;
  }

  std::shared_ptr<TlsStream> stream_;
  HttpLimits limits_;
  Deadline deadline_;
  std::string alpn_;
  std::string remote_address_;
  const std::optional<PeerCertificate> certificate_;
  beast::flat_buffer buffer_;  // bytes of the next requests; bounded by what the parser takes
  bool first_ = true;
  bool keep_alive_ = true;
  bool late_ = false;
  bool chunked_ = false;
  bool stream_head_only_ = false;
};

}  // namespace

Awaitable<Result<std::unique_ptr<HttpConnection>>> accept_http(asio::ip::tcp::socket socket, const ServerTls& tls,
                                                               HttpLimits limits) {
  error_code ec;
  socket.set_option(asio::socket_base::send_buffer_size(kSendBufferBytes), ec);
  auto made = TlsStream::make(std::move(socket), tls.native(), TlsStream::Side::server);
  if (made.has_error()) co_return made.error();
  const auto stream = *made;
  bool late = false;
  Deadline deadline(stream->get_executor());
  deadline.arm(limits.handshake, [&late, stream] {
    late = true;
    stream->close();
  });
  ec = co_await stream->handshake();
  deadline.disarm();
  if (ec) {
    // A client of TLS 1.3 may have sent its request before it hears that its certificate is refused: closing on that
    // unread request would reset the connection and take the alert, which says why, with it.
    stream->leave(kRefusedLinger);
    co_return late ? error_code(errc::timed_out) : ec;
  }
  auto connection = std::make_unique<ServerHttpConnection>(stream, limits);
  co_return std::unique_ptr<HttpConnection>(std::move(connection));
}

Awaitable<Result<HttpResponse>> fetch(FetchRequest request, const ClientTls& tls, ConnectReport* report) {
  const auto text = request_text(request, host_header(request.host, request.port));
  if (!text) co_return error_code(errc::malformed);
  const auto begun = std::chrono::steady_clock::now();
  auto connected = co_await connect_tls(request.host, request.port, tls, request.deadline, request.proxy, report);
  if (connected.has_error()) co_return connected.error();
  const auto stream = *connected;
  bool late = false;
  Deadline deadline(stream->get_executor());
  deadline.arm(request.deadline - (std::chrono::steady_clock::now() - begun), [&late, stream] {
    late = true;
    stream->close();
  });
  error_code ec;
  stream->put(asio::buffer(*text));
  stream->push(ec);

  std::optional<ResponseParser> parser;
  beast::flat_buffer buffer;
  const auto next_message = [&] {
    parser.emplace();
    parser->header_limit(kFetchHeaderBytes);
    parser->body_limit(kFetchBodyBytes);
    parser->skip(request.method == "HEAD");
    parser->eager(true);
  };
  next_message();
  while (!ec && !parser->is_done()) {
    if (!parse(*parser, buffer, ec)) {
      ec = co_await receive(*stream, buffer, late);
      if (ec == asio::error::eof) {
        ec = {};
        parser->put_eof(ec);
      }
    }
    // 1xx answers announce the real one.
    if (!ec && parser->is_done() && parser->get().result_int() < 200) next_message();
  }
  deadline.disarm();
  stream->close();
  if (late) co_return error_code(errc::timed_out);
  if (ec == http::error::body_limit || ec == http::error::header_limit) co_return error_code(errc::too_large);
  if (ec == http::error::partial_message || ec == http::error::end_of_stream) co_return error_code(errc::closed);
  if (ec.category() == make_error_code(http::error::need_more).category()) co_return error_code(errc::malformed);
  if (ec) co_return ec;
  HttpResponse response;
  response.status = static_cast<int>(parser->get().result_int());
  response.headers = headers_of(parser->get().base());
  response.body = std::move(parser->get().body());
  co_return response;
}

}  // namespace wire
