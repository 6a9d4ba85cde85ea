#include "wire/websocket.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <cassert>
#include <optional>
#include <utility>
#include <vector>

#include "wire/client_socket.h"
#include "wire/deadline.h"
#include "wire/errc.h"
#include "wire/http_text.h"
#include "wire/tls_handle.h"
#include "wire/tunnel.h"
#include "wire/waiter.h"

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;

namespace wire {

// Beast finds these by argument-dependent look-up and calls them after the closing handshake.
constexpr std::chrono::seconds kLinger{2};

void teardown(beast::role_type, TlsHandle& handle, error_code& ec) {
  handle.stream()->leave(kLinger);
  ec = {};
}

template <class Handler>
void async_teardown(beast::role_type, TlsHandle& handle, Handler&& handler) {
  handle.stream()->leave(kLinger);
  asio::post(handle.get_executor(), [h = std::forward<Handler>(handler)]() mutable { h(error_code{}); });
}

namespace {

using Stream = websocket::stream<TlsHandle, false>;
using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kRefusalPatience{2};
constexpr std::uint16_t kAbnormal = 1006;      // RFC 6455: no close frame came
constexpr std::size_t kKeptBytes = 16 * 1024;  // a larger read buffer is given back after its message
constexpr std::size_t kMoreBytes = 4 * 1024;   // of a message in several frames, at least so much at a time
constexpr std::size_t kSeparateFragments = 8;  // more are joined first: Asio walks a sequence from its start
constexpr std::size_t kMaxReason = 123;

/// What the background read shares with whoever waits for it. The read goes on when its waiter is cancelled: Beast's
/// stream would not survive losing it, and the close frame could not be said.
struct Reading {
  Stream* stream = nullptr;  // null once the connection has gone
  std::string message;
  std::size_t filled = 0;  // of `message`, in the middle of a read
  Waiter waiter;
  error_code ec;
  bool pending = false;
  bool complete = false;
};

/// The completion handler of the background read. A message comes in pieces, since the first one has little room (most
/// connections are idle, and an idle one holds that room): the frame's header then tells how much the rest needs.
class ReadDone {
 public:
  explicit ReadDone(std::shared_ptr<Reading> reading) : reading_(std::move(reading)) {}
  ReadDone(ReadDone&&) = default;
  ReadDone& operator=(ReadDone&&) = default;
  ~ReadDone() {
    if (reading_) reading_->waiter.drop();
  }
  static void read_more(std::shared_ptr<Reading> reading, std::size_t bytes) {
    auto& message = reading->message;
    message.resize(reading->filled + bytes);
    const auto into = asio::buffer(message.data() + reading->filled, bytes);
    Stream& stream = *reading->stream;
    stream.async_read_some(into, ReadDone(std::move(reading)));
  }
  void operator()(const error_code& ec, std::size_t bytes) {
    auto reading = std::move(reading_);
    reading->filled += bytes;
    if (!ec && reading->stream != nullptr && !reading->stream->is_message_done()) {
      const std::size_t more = std::max<std::size_t>(reading->stream->read_size_hint(kMoreBytes), 1);
      return read_more(std::move(reading), more);
    }
    reading->message.resize(reading->filled);
    reading->ec = ec;
    reading->pending = false;
    reading->complete = true;
    reading->waiter.wake();
  }

 private:
  std::shared_ptr<Reading> reading_;
};

class WebSocketConnection final : public Connection {
 public:
  WebSocketConnection(std::shared_ptr<TlsStream> tls, const ConnectionLimits& limits)
      : tls_(std::move(tls)),
        limits_(limits),
        stream_(TlsHandle(tls_, limits.backlog_bytes)),
        reading_(std::make_shared<Reading>()),
        heartbeat_(tls_->get_executor()) {
    stream_.auto_fragment(false);
    stream_.binary(true);
    stream_.read_message_max(limits.message_bytes);
    reading_->stream = &stream_;
  }

  ~WebSocketConnection() override {
    reading_->stream = nullptr;
    end(*tls_);
  }

  Stream& stream() { return stream_; }
  void set_subprotocol(std::string name) { subprotocol_ = std::move(name); }
  void started() { beat_after(limits_.heartbeat); }

  Awaitable<error_code> read(std::string& message) override {
    message.clear();
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) co_return asio::error::operation_aborted;
    if (ended_) co_return ended_;
    if (!reading_->complete) {
      if (!reading_->pending) start_read();
      if (const bool ok = co_await reading_->waiter.wait(); !ok) co_return asio::error::operation_aborted;
    }
    reading_->complete = false;
    if (reading_->ec) {
      ended_ = end_of(reading_->ec);
      co_return ended_;
    }
    if (stream_.got_text()) {
      ended_ = errc::text_message;
      CloseReason why(1003, "binary messages only");
      co_await close(std::move(why), kRefusalPatience);
      co_return ended_;
    }
    message.swap(reading_->message);
    co_return error_code{};
  }

  error_code write(std::span<const asio::const_buffer> fragments) override {
    const bool read_failed = reading_->complete && reading_->ec;
    if (ended_ || read_failed || tls_->failed() || !tls_->is_open() || !stream_.is_open()) return errc::closed;
    // So it holds at most one message more than the limit.
    if (tls_->backlog_bytes() > limits_.backlog_bytes) return errc::backlog_full;
    error_code failed_to_frame;
    error_code failed_to_send;
    stream_.next_layer().cork();
    if (fragments.size() > kSeparateFragments) {
      stream_.write(asio::buffer(joined(fragments)), failed_to_frame);
    } else {
      stream_.write(Fragments{fragments}, failed_to_frame);
    }
    stream_.next_layer().uncork(failed_to_send);
    return failed_to_frame ? errc::closed : failed_to_send ? errc::closed : error_code{};
  }

  std::size_t backlog_bytes() const override { return tls_->backlog_bytes(); }
  void prefetch() const override {
    __builtin_prefetch(tls_.get());
    __builtin_prefetch(reinterpret_cast<const char*>(tls_.get()) + 64);
    __builtin_prefetch(reinterpret_cast<const char*>(tls_.get()) + 128);
    __builtin_prefetch(&stream_);
    __builtin_prefetch(reinterpret_cast<const char*>(&stream_) + 64);
  }

  Awaitable<error_code> drained() override {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) co_return asio::error::operation_aborted;
    auto ec = co_await tls_->wait_backlog();
    if (ec == asio::error::operation_aborted && !tls_->is_open()) ec = errc::closed;
    co_return ec;
  }

  Awaitable<void> close(CloseReason reason, std::chrono::milliseconds patience) override {
    if (!stream_.is_open()) {
      // Dead, or the peer was first: nothing left to say. A close that another coroutine has begun goes on.
      if (!closing_) end(*tls_);
      co_return;
    }
    closing_ = true;
    if (!ended_) ended_ = errc::closed;
    // Whoever waits here may be cancelled and take the connection along: what follows holds its own stream.
    const auto tls = tls_;
    Deadline limit(tls->get_executor());
    limit.arm(patience, [tls] { tls->close(); });
    if (reason.reason.size() > kMaxReason) reason.reason.resize(kMaxReason);
    const websocket::close_reason why(static_cast<websocket::close_code>(reason.code), reason.reason);
    co_await stream_.async_close(
        why, asio::bind_cancellation_slot(asio::cancellation_slot(), asio::as_tuple(asio::use_awaitable)));
    end(*tls);
  }

  void abort() override {
    if (!ended_) ended_ = errc::closed;
    tls_->close();
  }

  asio::any_io_executor executor() override { return tls_->get_executor(); }
  std::string remote_address() const override { return tls_->remote_address(); }
  std::string subprotocol() const override { return subprotocol_; }
  Traffic traffic() const override { return tls_->traffic(); }

  CloseReason peer_close() const override {
    if (!peer_said_goodbye_) return {kAbnormal, ""};
    const auto& reason = stream_.reason();
    constexpr std::uint16_t kNoStatus = 1005;
    const auto code = static_cast<std::uint16_t>(reason.code);
    return {code == websocket::close_code::none ? kNoStatus : code, std::string(reason.reason.c_str())};
  }

 private:
  /// A buffer sequence that is cheap to copy: Beast and Asio copy it several times.
  struct Fragments {
    using value_type = asio::const_buffer;
    using const_iterator = const asio::const_buffer*;
    std::span<const asio::const_buffer> span;
    const_iterator begin() const { return span.data(); }
    const_iterator end() const { return span.data() + span.size(); }
  };

  /// Closes, unless the closing handshake was had: then the stream is leaving by itself.
  static void end(TlsStream& tls) {
    if (tls.is_open()) tls.close();
  }

  static std::string_view joined(std::span<const asio::const_buffer> fragments) {
    static thread_local std::vector<char> scratch;
    const std::size_t size = asio::buffer_size(Fragments{fragments});
    if (scratch.size() < size || scratch.size() > 16 * size + kKeptBytes) scratch = std::vector<char>(size);
    asio::buffer_copy(asio::buffer(scratch), Fragments{fragments});
    return {scratch.data(), size};
  }

  void start_read() {
    auto& message = reading_->message;
    const bool is_large = message.capacity() > std::min(kKeptBytes, 8 * limits_.first_read_bytes);
    if (is_large) std::string().swap(message);
    reading_->filled = 0;
    reading_->pending = true;
    reading_->complete = false;
    read_started_ = SteadyClock::now();
    ReadDone::read_more(reading_, limits_.first_read_bytes);
  }

  error_code end_of(const error_code& ec) {
    if (silent_) return errc::timed_out;
    if (ended_) return ended_;
    if (ec == websocket::error::closed) {
      peer_said_goodbye_ = true;
      return errc::closed;
    }
    if (ec == websocket::error::message_too_big) return errc::too_large;
    if (ec.category() == make_error_code(websocket::error::closed).category()) return errc::malformed;
    return errc::closed;
  }

  // Silence counts only while somebody reads: bytes that wait in the socket are not silence.
  void beat() {
    if (!stream_.is_open() || !tls_->is_open()) return;
    if (!reading_->pending) return beat_after(limits_.heartbeat);
    const auto heard = std::max({tls_->last_received(), tls_->last_drained(), read_started_});
    const auto silence = SteadyClock::now() - heard;
    const bool is_stuck = tls_->backlog_bytes() > 0;
    const auto deadly = (is_stuck ? 3 : 2) * limits_.heartbeat;
    if (silence >= deadly) {
      silent_ = true;
      tls_->close();
    } else if (silence >= limits_.heartbeat) {
      error_code ignored;
      if (!is_stuck) stream_.ping({}, ignored);
      // What is stuck may get loose meanwhile: looked at again soon, and asked then.
      beat_after(is_stuck ? limits_.heartbeat / 4 : deadly - silence);
    } else {
      beat_after(limits_.heartbeat - silence);
    }
  }
  void beat_after(SteadyClock::duration wait) {
    heartbeat_.arm(wait, [this] { beat(); });
  }

  std::shared_ptr<TlsStream> tls_;
  ConnectionLimits limits_;
  Stream stream_;
  std::shared_ptr<Reading> reading_;
  Deadline heartbeat_;
  SteadyClock::time_point read_started_{};
  std::string subprotocol_;
  error_code ended_;  // why read() answers no more messages
  bool closing_ = false;
  bool silent_ = false;
  bool peer_said_goodbye_ = false;
};

}  // namespace

error_code Connection::write(std::string_view message) {
  const asio::const_buffer one(message.data(), message.size());
  return write(std::span(&one, 1));
}

Result<std::unique_ptr<Connection>> accept_websocket(std::shared_ptr<TlsStream> stream, const HttpRequest& request,
                                                     const std::string& subprotocol, const ConnectionLimits& limits) {
  http::request<http::empty_body> upgrade(http::verb::get, request.target, request.version);
  for (const auto& header : request.headers) upgrade.insert(header.name, header.value);
  // An upgrade has no body to ask for.
  upgrade.erase(http::field::expect);
  bool offered = false;
  for (const auto& header : request.headers) {
    if (!beast::iequals(header.name, "Sec-WebSocket-Protocol")) continue;
    offered = offered || (!subprotocol.empty() && http::token_list(header.value).exists(subprotocol));
  }
  auto connection = std::make_unique<WebSocketConnection>(std::move(stream), limits);
  connection->stream().set_option(websocket::stream_base::decorator([&](websocket::response_type& response) {
    response.set(http::field::server, "telemetry-hub");
    if (offered) response.set(http::field::sec_websocket_protocol, subprotocol);
  }));
  error_code ec;
  connection->stream().accept(upgrade, ec);
  connection->stream().set_option(websocket::stream_base::decorator([](websocket::response_type&) {}));
  if (ec) return ec;
  if (offered) connection->set_subprotocol(subprotocol);
  connection->started();
  return std::unique_ptr<Connection>(std::move(connection));
}

Awaitable<Result<std::unique_ptr<Connection>>> connect(ConnectTarget target, const ClientTls& tls,
                                                       ConnectionLimits limits, ConnectReport* report) {
  ConnectReport unasked;
  ConnectReport& so_far = report != nullptr ? *report : unasked;
  so_far = ConnectReport();
  bool writable = is_head_text(target.host) && is_head_text(target.path) && is_head_text(target.subprotocol);
  for (const auto& [name, value] : target.headers) writable = writable && is_head_text(name) && is_head_text(value);
  if (!writable) co_return error_code(errc::malformed);

  auto connected = co_await connect_tls(target.host, target.port, tls, limits.handshake, target.proxy, &so_far);
  if (connected.has_error()) co_return connected.error();
  const auto stream = *connected;
  auto connection = std::make_unique<WebSocketConnection>(stream, limits);
  auto& socket = connection->stream();
  socket.set_option(websocket::stream_base::decorator([&target](websocket::request_type& request) {
    for (const auto& [name, value] : target.headers) request.set(name, value);
    if (!target.subprotocol.empty()) request.set(http::field::sec_websocket_protocol, target.subprotocol);
  }));
  bool late = false;
  Deadline deadline(stream->get_executor());
  deadline.arm(limits.handshake, [&late, stream] {
    late = true;
    stream->close();
  });
  websocket::response_type response;
  const auto host = host_header(target.host, target.port);
  const auto [ec] = co_await socket.async_handshake(response, host, target.path, asio::as_tuple(asio::use_awaitable));
  deadline.disarm();
  socket.set_option(websocket::stream_base::decorator([](websocket::request_type&) {}));
  if (late) co_return error_code(errc::timed_out);
  if (!ec || ec == websocket::error::upgrade_declined) so_far.status = static_cast<int>(response.result_int());
  so_far.retry_after_s = retry_after_s(response[http::field::retry_after]);
  if (ec == websocket::error::upgrade_declined) co_return error_code(errc::upgrade_refused);
  if (ec) co_return ec;
  const auto chosen = response[http::field::sec_websocket_protocol];
  if (chosen != target.subprotocol) co_return error_code(errc::upgrade_refused);
  connection->set_subprotocol(target.subprotocol);
  connection->started();
  co_return std::unique_ptr<Connection>(std::move(connection));
}

}  // namespace wire
