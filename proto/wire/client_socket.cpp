#include "wire/client_socket.h"

#include <boost/asio/this_coro.hpp>
#include <vector>

#include "wire/deadline.h"
#include "wire/dial.h"
#include "wire/errc.h"
#include "wire/tunnel.h"

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace wire {

Awaitable<Result<std::shared_ptr<TlsStream>>> connect_tls(std::string host, std::uint16_t port, ClientTls tls,
                                                          std::chrono::milliseconds stage_limit,
                                                          std::optional<Proxy> proxy, ConnectReport* report) {
  ConnectReport unasked;
  ConnectReport& so_far = report != nullptr ? *report : unasked;
  so_far = ConnectReport();
  // A proxy resolves the name itself: it may be known on its side only.
  const std::string next = proxy ? proxy->host : host;
  so_far.stage = proxy ? ConnectStage::resolve_proxy : ConnectStage::resolve;
  const auto addresses = co_await resolve(next, stage_limit);
  if (addresses.has_error()) co_return addresses.error();

  so_far.stage = proxy ? ConnectStage::connect_proxy : ConnectStage::connect;
  std::vector<tcp::endpoint> endpoints;
  for (const auto& address : *addresses) endpoints.emplace_back(address, proxy ? proxy->port : port);
  auto dialled = co_await dial(endpoints, stage_limit, so_far.detail);
  if (dialled.has_error()) co_return dialled.error();
  tcp::socket socket = std::move(*dialled);
  error_code ignored;
  if (const auto peer = socket.remote_endpoint(ignored); !ignored) so_far.address = peer.address().to_string();

  const auto executor = co_await asio::this_coro::executor;
  Deadline deadline(executor);
  bool late = false;
  if (proxy) {
    so_far.stage = ConnectStage::ask_proxy;
    deadline.arm(stage_limit, [&] {
      late = true;
      error_code not_open;
      socket.close(not_open);
    });
    const auto ec = co_await open_tunnel(socket, *proxy, host, port, so_far);
    deadline.disarm();
    if (late) co_return error_code(errc::timed_out);
    if (ec) co_return ec;
  }

  so_far.stage = ConnectStage::tls;
  auto made = TlsStream::make(std::move(socket), tls.native(), TlsStream::Side::client);
  if (made.has_error()) co_return made.error();
  const auto stream = *made;
  if (const auto ec = stream->expect_host(host, tls.options().verify_host, tls.options().expected_name)) co_return ec;
  late = false;
  deadline.arm(stage_limit, [&late, stream] {
    late = true;
    stream->close();
  });
  const auto ec = co_await stream->handshake();
  deadline.disarm();
  if (ec) {
    stream->close();
    co_return late ? error_code(errc::timed_out) : ec;
  }
  so_far.stage = ConnectStage::answer;
  co_return stream;
}

}  // namespace wire
