// A hub's socket and a client's, over real TLS on loopback, in one io_context.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <functional>
#include <optional>

#include "wire/client_socket.h"
#include "wire/http.h"
#include "wire/task_group.h"
#include "wire/tls_handle.h"

namespace wire_test {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
inline constexpr auto kWait = asio::as_tuple(asio::use_awaitable);

inline const wire::KeyAndCertificate& authority() {
  static const auto ca = wire::make_certificate_authority("test CA").value();
  return ca;
}

inline wire::ServerTls server_tls() {
  static const auto leaf = wire::make_server_certificate(authority(), "hub", {"localhost", "127.0.0.1"}, 10).value();
  return wire::ServerTls::from_pem(leaf.certificate_pem + authority().certificate_pem, leaf.key_pem).value();
}

inline wire::ClientTls client_tls() {
  wire::ClientTls::Options options;
  options.ca_pem = authority().certificate_pem;
  return wire::ClientTls::make(options).value();
}

/// Runs a server coroutine per accepted socket and one client coroutine; fails the test when it is not over in a
/// minute.
class Loopback : public ::testing::Test {
 protected:
  using Server = std::function<asio::awaitable<void>(tcp::socket)>;

  Loopback() : acceptor_(io_, {asio::ip::make_address("127.0.0.1"), 0}) {}
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  void run(Server server, std::function<asio::awaitable<void>()> client, int connections = 1) {
    const auto threw = [](const std::exception& e) { ADD_FAILURE() << e.what(); };
    wire::TaskGroup servers(io_.get_executor(), threw), accepting(io_.get_executor(), threw);
    // `serve` by reference: a coroutine lambda uses its captures where the closure lies, and this coroutine ends first.
    auto accept = [](Loopback& self, wire::TaskGroup& group, Server& serve, int n) -> asio::awaitable<void> {
      for (int i = 0; i < n; ++i) {
        auto [ec, socket] = co_await self.acceptor_.async_accept(kWait);
        if (ec) co_return;
        group.spawn(serve(std::move(socket)));
      }
    };
    accepting.spawn(accept(*this, servers, server, connections));
    bool done = false;
    // Servers end by themselves once the client has gone: a cancelled one would prove nothing.
    auto finish = [](std::function<asio::awaitable<void>()> body, wire::TaskGroup& acceptors, wire::TaskGroup& group,
                     bool& over) -> asio::awaitable<void> {
      co_await body();
      acceptors.cancel();
      co_await acceptors.join();
      co_await group.join();
      over = true;
    };
    asio::co_spawn(io_, finish(client, accepting, servers, done), [](std::exception_ptr e) {
      if (e) ADD_FAILURE() << "the client threw";
    });
    io_.restart();  // a test may have several of these
    io_.run_for(std::chrono::seconds(60));
    EXPECT_TRUE(done) << "not over in a minute";
  }

  wire::ConnectTarget target(std::string path = "/ws") {
    return {"localhost", port(), std::move(path), "test.v1", {{"X-Test", "yes"}}};
  }
  wire::FetchRequest fetch_of(std::string method, std::string path, std::string body = {}) {
    wire::FetchRequest request;
    request.method = std::move(method);
    request.host = "localhost";
    request.port = port();
    request.target = std::move(path);
    request.body = std::move(body);
    return request;
  }

  /// Sends raw bytes over TLS, then reads until the server hangs up. Static: the fixture outlives the coroutine.
  static asio::awaitable<std::string> exchange(Loopback& self, std::string bytes) {
    const auto tls = client_tls();
    auto stream = co_await wire::connect_tls("localhost", self.port(), tls, std::chrono::seconds(10));
    if (!stream) co_return "no connection";
    wire::TlsHandle handle(std::move(*stream));
    (void)co_await asio::async_write(handle, asio::buffer(bytes), kWait);
    std::string answer;
    (void)co_await asio::async_read(handle, asio::dynamic_buffer(answer), kWait);
    co_return answer;
  }

  asio::io_context io_{1};
  tcp::acceptor acceptor_;
};

/// Accepts TLS, one upgrade, and hands the connection over.
inline asio::awaitable<std::unique_ptr<wire::Connection>> upgraded(tcp::socket socket,
                                                                   wire::ConnectionLimits limits = {}) {
  auto http = co_await wire::accept_http(std::move(socket), server_tls(), {});
  if (!http) co_return nullptr;
  auto request = co_await (*http)->read();
  if (!request || !request->is_upgrade) co_return nullptr;
  auto connection = co_await (*http)->upgrade(*request, "test.v1", limits);
  if (!connection) co_return nullptr;
  co_return std::move(*connection);
}

}  // namespace wire_test
