#include "wire/client_socket.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "wire/deadline.h"
#include "wire/errc.h"

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace wire {
namespace {

constexpr std::size_t kMaxAddresses = 4;

/// Literal addresses and localhost need no resolver (whose first use starts a thread).
Awaitable<Result<std::vector<tcp::endpoint>>> resolve(std::string host, std::uint16_t port,
                                                      std::chrono::milliseconds limit) {
  std::vector<tcp::endpoint> endpoints;
  error_code not_address;
  const auto address = asio::ip::make_address(host, not_address);
  if (!not_address) {
    endpoints.emplace_back(address, port);
    co_return endpoints;
  }
  // RFC 6761: localhost is this machine, also where no /etc/hosts says so.
  if (host == "localhost") {
    endpoints.emplace_back(asio::ip::address_v4::loopback(), port);
    endpoints.emplace_back(asio::ip::address_v6::loopback(), port);
    co_return endpoints;
  }
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  bool late = false;
  Deadline deadline(executor);
  deadline.arm(limit, [&] {
    late = true;
    resolver.cancel();
  });
  const auto service = std::to_string(port);
  const auto [ec, found] = co_await resolver.async_resolve(host, service, tcp::resolver::numeric_service,
                                                           asio::as_tuple(asio::use_awaitable));
  if (late) co_return error_code(errc::timed_out);
  if (ec) co_return ec;
  for (const auto& entry : found) {
    if (endpoints.size() < kMaxAddresses) endpoints.push_back(entry.endpoint());
  }
  co_return endpoints;
}

}  // namespace

Awaitable<Result<std::shared_ptr<TlsStream>>> connect_tls(std::string host, std::uint16_t port, ClientTls tls,
                                                          std::chrono::milliseconds stage_limit) {
  auto endpoints = co_await resolve(host, port, stage_limit);
  if (endpoints.has_error()) co_return endpoints.error();
  if (endpoints->empty()) co_return error_code(asio::error::host_not_found);

  const auto executor = co_await asio::this_coro::executor;
  Deadline deadline(executor);
  bool late = false;
  tcp::socket socket(executor);
  error_code failure;
  for (const auto& endpoint : *endpoints) {
    socket = tcp::socket(executor);
    late = false;
    deadline.arm(stage_limit / endpoints->size(), [&] {
      late = true;
      error_code ignored;
      socket.close(ignored);
    });
    const auto [ec] = co_await socket.async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
    deadline.disarm();
    failure = late ? error_code(errc::timed_out) : ec;
    if (!failure || ec == asio::error::operation_aborted) {
      if (!late) break;
    }
  }
  if (failure) co_return failure;

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
  co_return stream;
}

}  // namespace wire
