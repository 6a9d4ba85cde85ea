// One of the two files where Beast is instantiated: its websocket stream over our TLS stream.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "wire/tls_stream.h"

namespace wire {

// Found by argument-dependent look-up: Beast calls these behind the closing handshake.
inline void teardown(boost::beast::role_type, TlsHandle& handle, base::error_code& ec) {
  handle.stream().shutdown();
  ec = {};
}
template <class Handler>
void async_teardown(boost::beast::role_type, TlsHandle& handle, Handler&& handler) {
  handle.stream().shutdown();
  boost::asio::post(handle.get_executor(), [h = std::forward<Handler>(handler)]() mutable { h(base::error_code{}); });
}

}  // namespace wire

#include <boost/beast/websocket/stream.hpp>

#include "wire/client_socket.h"
#include "wire/connection.h"
#include "wire/deadline.h"
#include "wire/errc.h"
#include "wire/http.h"

namespace wire {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

namespace {

constexpr auto kWait = asio::as_tuple(asio::use_awaitable);

/// Copies of it are free: Beast copies the sequence it is given several times.
struct BufferSpan {
  using value_type = asio::const_buffer;
  using const_iterator = const asio::const_buffer*;
  std::span<const asio::const_buffer> buffers;
  const_iterator begin() const { return buffers.data(); }
  const_iterator end() const { return buffers.data() + buffers.size(); }
};

class WebSocket final : public Connection {
 public:
  using Stream = websocket::stream<TlsHandle, false>;

  WebSocket(std::unique_ptr<TlsStream> stream, std::string subprotocol, ConnectionLimits limits)
      : ws_(std::move(stream)),
        subprotocol_(std::move(subprotocol)),
        limits_(limits),
        heartbeat_(ws_.get_executor()),
        drained_(ws_.get_executor()),
        self_(std::make_shared<WebSocket*>(this)) {
    ws_.binary(true);
    ws_.auto_fragment(false);
    ws_.read_message_max(limits.message_bytes);
    tls().on_drained([self = self_] {
      if (*self != nullptr) (*self)->drained_.cancel();
    });
  }
  ~WebSocket() override {
    *self_ = nullptr;
    tls().on_drained(nullptr);
  }

  Stream& stream() { return ws_; }
  TlsStream& tls() { return ws_.next_layer().stream(); }
  const TlsStream& tls() const { return ws_.next_layer().stream(); }

  Awaitable<error_code> read(std::string& message) override {
    message.clear();
    if (dead_) co_return error_code(errc::closed);
    start_heartbeat();
    auto buffer = asio::dynamic_buffer(message);
    const auto [ec, n] = co_await ws_.async_read(buffer, kWait);
    heartbeat_.cancel();
    ++heartbeat_round_;
    if (timed_out_) co_return error_code(errc::timed_out);
    if (ec) {
      if (ec == websocket::error::closed) {
        peer_close_.code = ws_.reason().code;
        peer_close_.reason.assign(ws_.reason().reason.data(), ws_.reason().reason.size());
      }
      dead_ = true;
      drained_.cancel();
      co_return ec;
    }
    if (!ws_.got_binary()) {
      co_await close({1003, "only binary messages are spoken here"});
      co_return error_code(errc::text_message);
    }
    co_return error_code{};
  }

  error_code write(std::span<const asio::const_buffer> fragments) override {
    if (dead_ || closing_) return errc::closed;
    if (tls().backlog() > limits_.backlog_bytes) return errc::backlog_full;
    error_code ec;
    ws_.write(BufferSpan{fragments}, ec);
    if (ec) {
      dead_ = true;
      drained_.cancel();
      return ec;
    }
    if (tls().backlog() != 0) tls().drain_in_background();
    return {};
  }

  std::size_t backlog_bytes() const override { return tls().backlog(); }

  Awaitable<error_code> drained() override {
    while (!dead_ && tls().socket().is_open() && tls().backlog() != 0) {
      drained_.expires_at(asio::steady_timer::time_point::max());
      co_await drained_.async_wait(kWait);
    }
    co_return dead_ || !tls().socket().is_open() ? error_code(errc::closed) : error_code{};
  }

  Awaitable<void> close(CloseReason reason) override {
    if (std::exchange(closing_, true)) co_return;
    if (!dead_) {
      asio::steady_timer limit(ws_.get_executor(), std::chrono::seconds(2));
      limit.async_wait([self = self_](error_code ec) {
        if (!ec && *self != nullptr) (*self)->abort();
      });
      websocket::close_reason why(reason.code);
      why.reason.assign(reason.reason.data(), std::min<std::size_t>(reason.reason.size(), 123));
      co_await ws_.async_close(why, kWait);
    }
    abort();
  }

  void abort() override {
    dead_ = true;
    heartbeat_.cancel();
    tls().abort();
    drained_.cancel();
  }

  asio::any_io_executor executor() override { return ws_.get_executor(); }
  std::string remote_address() const override { return tls().remote_address(); }
  CloseReason peer_close() const override { return peer_close_; }
  std::string subprotocol() const override { return subprotocol_; }

 private:
  // Beast's own idle timer counts pongs only at its own pace and costs a timer a socket at all times; this one runs
  // while a read is pending: silence → ping, twice the silence → dead. Any byte counts as life.
  void start_heartbeat() {
    heartbeat_.expires_after(limits_.heartbeat);
    heartbeat_.async_wait([self = self_, round = heartbeat_round_](error_code ec) {
      if (ec || *self == nullptr || (*self)->heartbeat_round_ != round) return;
      (*self)->on_heartbeat();
    });
  }
  void on_heartbeat() {
    const auto silence = std::chrono::steady_clock::now() - tls().last_received();
    if (silence >= 2 * limits_.heartbeat) {
      timed_out_ = true;
      abort();
      return;
    }
    if (silence >= limits_.heartbeat && !closing_) {
      error_code ec;
      ws_.ping({}, ec);
      if (tls().backlog() != 0) tls().drain_in_background();
    }
    start_heartbeat();
  }

  Stream ws_;
  std::string subprotocol_;
  ConnectionLimits limits_;
  asio::steady_timer heartbeat_;
  asio::steady_timer drained_;
  std::shared_ptr<WebSocket*> self_;  // null inside once destroyed
  CloseReason peer_close_{1006, {}};
  std::uint64_t heartbeat_round_ = 0;
  bool dead_ = false;
  bool closing_ = false;
  bool timed_out_ = false;
};

}  // namespace

error_code Connection::write(std::string_view message) {
  const asio::const_buffer one(message.data(), message.size());
  return write(std::span<const asio::const_buffer>(&one, 1));
}

Awaitable<Result<std::unique_ptr<Connection>>> accept_websocket(std::unique_ptr<TlsStream> stream,
                                                                const HttpRequest& request, std::string subprotocol,
                                                                ConnectionLimits limits) {
  auto connection = std::make_unique<WebSocket>(std::move(stream), subprotocol, limits);
  http::request<http::empty_body> upgrade(http::verb::get, request.target, request.version);
  for (const auto& header : request.headers) upgrade.insert(header.name, header.value);
  connection->stream().set_option(websocket::stream_base::decorator([subprotocol](websocket::response_type& response) {
    if (!subprotocol.empty()) response.set(http::field::sec_websocket_protocol, subprotocol);
  }));
  const Deadline deadline(connection->tls(), limits.handshake);
  const auto [ec] = co_await connection->stream().async_accept(upgrade, kWait);
  if (deadline.fired()) co_return error_code(errc::timed_out);
  if (ec) co_return ec;
  co_return std::move(connection);
}

Awaitable<Result<std::unique_ptr<Connection>>> connect(ConnectTarget target, const ClientTls& tls,
                                                       ConnectionLimits limits, int* status_out) {
  auto stream = co_await connect_tls(target.host, target.port, tls, limits.handshake);
  if (!stream) co_return stream.error();
  auto connection = std::make_unique<WebSocket>(std::move(*stream), target.subprotocol, limits);
  connection->stream().set_option(websocket::stream_base::decorator([target](websocket::request_type& request) {
    if (!target.subprotocol.empty()) request.set(http::field::sec_websocket_protocol, target.subprotocol);
    for (const auto& [name, value] : target.headers) request.set(name, value);
  }));
  const bool is_v6 = target.host.find(':') != std::string::npos;
  const std::string host = (is_v6 ? "[" + target.host + "]" : target.host) + ":" + std::to_string(target.port);
  const Deadline deadline(connection->tls(), limits.handshake);
  websocket::response_type response;
  const auto [ec] = co_await connection->stream().async_handshake(response, host, target.path, kWait);
  if (status_out != nullptr) *status_out = static_cast<int>(response.result_int());
  if (deadline.fired()) co_return error_code(errc::timed_out);
  if (ec == websocket::error::upgrade_declined) co_return error_code(errc::upgrade_refused);
  if (ec) co_return ec;
  const auto chosen = response[http::field::sec_websocket_protocol];
  if (std::string_view(chosen.data(), chosen.size()) != target.subprotocol) co_return error_code(errc::upgrade_refused);
  co_return std::move(connection);
}

}  // namespace wire
