#include "wire/client_socket.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "wire/deadline.h"
#include "wire/errc.h"

namespace wire {

namespace asio = boost::asio;
using base::error_code;
using base::Result;
using tcp = asio::ip::tcp;

asio::awaitable<Result<std::unique_ptr<TlsStream>>> connect_tls(std::string host, std::uint16_t port,
                                                                const ClientTls& tls, std::chrono::milliseconds limit) {
  constexpr auto kWait = asio::as_tuple(asio::use_awaitable);
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  tcp::socket socket(executor);
  bool late = false;
  // Resolver and socket are in this frame; so is the timer, whose handler is cancelled before they go.
  auto alive = std::make_shared<bool>(true);
  asio::steady_timer timer(executor, limit);
  timer.async_wait([&, alive](error_code ec) {
    if (ec || !*alive) return;
    late = true;
    resolver.cancel();
    error_code ignored;
    socket.close(ignored);
  });
  const auto [resolve_error, endpoints] = co_await resolver.async_resolve(host, std::to_string(port), kWait);
  error_code ec = resolve_error;
  if (!ec) {
    const auto [connect_error, endpoint] = co_await asio::async_connect(socket, endpoints, kWait);
    ec = connect_error;
  }
  *alive = false;
  timer.cancel();
  if (late) co_return error_code(errc::timed_out);
  if (ec) co_return ec;

  auto stream = std::make_unique<TlsStream>(std::move(socket), tls.native(), TlsRole::client);
  stream->expect_host(host, tls.options().verify_host);
  Deadline deadline(*stream, limit);
  const auto [handshake_error] = co_await stream->async_handshake(kWait);
  if (deadline.fired()) co_return error_code(errc::timed_out);
  if (handshake_error) co_return handshake_error;
  co_return std::move(stream);
}

}  // namespace wire
