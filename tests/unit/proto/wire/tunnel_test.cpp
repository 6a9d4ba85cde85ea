// Through a proxy, and what may answer instead of one or of the hub.
#include "wire/tunnel.h"

#include <boost/asio/read_until.hpp>

#include "tests/unit/proto/wire/loopback.h"
#include "wire/errc.h"

namespace wire_test {
namespace {

using std::chrono::milliseconds;
using wire::ConnectStage;
using wire::errc;

class TunnelTest : public Loopback {
 protected:
  wire::ConnectTarget through_here(std::string user = {}, std::string password = {}) {
    auto where = target();
    where.host = "hub.test";
    where.port = 8443;
    wire::Proxy proxy;
    proxy.host = "127.0.0.1";
    proxy.port = port();
    proxy.user = std::move(user);
    proxy.password = std::move(password);
    where.proxy = std::move(proxy);
    return where;
  }
  /// What connect() ends with where `answer` comes once a request, or anything, has been read; then the line is held.
  struct End {
    wire::error_code ec;
    wire::ConnectReport report;
    std::string request;
  };
  End against(const std::string& answer, wire::ConnectTarget where, milliseconds limit = milliseconds(10'000)) {
    End end;
    run(
        [&](tcp::socket socket) -> asio::awaitable<void> {
          std::array<char, 4096> piece{};
          const auto [ec, n] = co_await socket.async_read_some(asio::buffer(piece), kWait);
          end.request.assign(piece.data(), n);
          (void)co_await asio::async_write(socket, asio::buffer(answer), kWait);
          (void)co_await socket.async_read_some(asio::buffer(piece), kWait);
        },
        [&]() -> asio::awaitable<void> {
          const auto tls = client_tls();
          wire::ConnectionLimits limits;
          limits.handshake = limit;
          auto connected = co_await wire::connect(where, tls, limits, &end.report);
          EXPECT_FALSE(connected);
          if (!connected) end.ec = connected.error();
        });
    return end;
  }
};

TEST_F(TunnelTest, a_connection_through_a_proxy_is_the_hub_s_end_to_end) {
  std::string request;
  run(
      [&](tcp::socket socket) -> asio::awaitable<void> {
        (void)co_await asio::async_read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n", kWait);
        const std::string yes = "HTTP/1.0 200 Connection established\r\nVia: test\r\n\r\n";
        (void)co_await asio::async_write(socket, asio::buffer(yes), kWait);
        auto connection = co_await upgraded(std::move(socket));
        EXPECT_TRUE(connection);
        if (!connection) co_return;
        std::string message;
        EXPECT_FALSE(co_await connection->read(message));
        EXPECT_EQ(message, "hello");
        (void)connection->write("welcome");
        (void)co_await connection->read(message);
      },
      [&]() -> asio::awaitable<void> {
        const auto tls = client_tls();
        auto where = through_here("user", "p:a ss\xc3\xa4");
        where.host = "localhost";  // whom the certificate names
        wire::ConnectReport report;
        auto connected = co_await wire::connect(where, tls, {}, &report);
        EXPECT_TRUE(connected) << connected.error().message();
        if (!connected) co_return;
        EXPECT_EQ(report.address, "127.0.0.1");
        EXPECT_FALSE((*connected)->write("hello"));
        std::string message;
        EXPECT_FALSE(co_await (*connected)->read(message));
        EXPECT_EQ(message, "welcome");
        EXPECT_GT((*connected)->traffic().sent_bytes, 200u) << "the handshake counts";
        EXPECT_GT((*connected)->traffic().received_bytes, 800u);
        co_await (*connected)->close({});
      });
  EXPECT_EQ(request,
            "CONNECT localhost:8443 HTTP/1.1\r\nHost: localhost:8443\r\n"
            "Proxy-Authorization: Basic dXNlcjpwOmEgc3PDpA==\r\n\r\n");
}

TEST_F(TunnelTest, an_ipv6_address_is_asked_for_in_brackets) {
  auto where = through_here();
  where.host = "2001:db8::7";
  const auto end = against("HTTP/1.1 403 Forbidden\r\n\r\n", where);
  EXPECT_EQ(end.request, "CONNECT [2001:db8::7]:8443 HTTP/1.1\r\nHost: [2001:db8::7]:8443\r\n\r\n");
}

TEST_F(TunnelTest, a_refusal_has_its_status_and_its_hint) {
  for (const int status : {400, 403, 407, 502, 503, 302}) {
    const auto end =
        against("HTTP/1.1 " + std::to_string(status) + " No\r\nretry-after: 17\r\nX: y\r\n\r\n<html>", through_here());
    EXPECT_EQ(end.ec, wire::error_code(errc::proxy_refused)) << status;
    EXPECT_EQ(end.report.stage, ConnectStage::ask_proxy);
    EXPECT_EQ(end.report.status, status);
    EXPECT_EQ(end.report.retry_after_s, 17);
    EXPECT_EQ(end.request.find("Authorization"), std::string::npos);
  }
}

TEST_F(TunnelTest, what_is_no_proxy_is_said_to_be_none) {
  const std::string large = "HTTP/1.1 200 OK\r\n" + std::string(64 * 1024, 'x');
  for (const std::string& answer :
       {std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string("\x15\x03\x03\x00\x02\x02\x46", 7), large,
        std::string("HTTP/2 200\r\n\r\n"), std::string("HTTP/1.1 abc\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\n\r\nand more that is not the hub's")}) {
    const auto end = against(answer, through_here());
    EXPECT_EQ(end.ec, wire::error_code(errc::not_a_proxy)) << answer.substr(0, 30);
    EXPECT_EQ(end.report.stage, ConnectStage::ask_proxy);
  }
}

TEST_F(TunnelTest, a_proxy_that_says_nothing_or_never_ends_is_given_up) {
  for (const std::string answer : {"", "HTTP/1.1 200 OK\r\nX: "}) {
    const auto end = against(answer, through_here(), milliseconds(100));
    EXPECT_EQ(end.ec, wire::error_code(errc::timed_out));
    EXPECT_EQ(end.report.stage, ConnectStage::ask_proxy);
  }
}

TEST_F(TunnelTest, plain_http_instead_of_a_hub_is_not_tls) {
  for (const std::string answer :
       {"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n", "<html>Welcome to our hotel</html>"}) {
    auto where = target();
    where.headers["Authorization"] = "Bearer secret";
    const auto end = against(answer, where);
    EXPECT_EQ(end.ec, wire::error_code(errc::not_tls)) << end.ec.message();
    EXPECT_EQ(end.report.stage, ConnectStage::tls);
    EXPECT_EQ(end.request.find("secret"), std::string::npos);
  }
}

TEST_F(TunnelTest, retry_after_is_seconds) {
  EXPECT_EQ(wire::retry_after_s("120"), 120);
  EXPECT_EQ(wire::retry_after_s("99999999999999999999999"), 86'400);
  for (const char* other : {"", "-1", "soon", "12x", "Wed, 21 Oct 2026 07:28:00 GMT"}) {
    EXPECT_EQ(wire::retry_after_s(other), 0) << other;
  }
}

TEST_F(TunnelTest, a_busy_hub_s_retry_after_arrives) {
  run(
      [](tcp::socket socket) -> asio::awaitable<void> {
        auto http = co_await wire::accept_http(std::move(socket), server_tls(), {});
        auto request = co_await (*http)->read();
        wire::HttpResponse busy;
        busy.status = 503;
        busy.headers.push_back({"Retry-After", "30"});
        if (request) (void)co_await (*http)->write(*request, busy);
      },
      [&]() -> asio::awaitable<void> {
        const auto tls = client_tls();
        wire::ConnectReport report;
        auto connected = co_await wire::connect(target(), tls, {}, &report);
        EXPECT_FALSE(connected);
        EXPECT_EQ(report.stage, ConnectStage::answer);
        EXPECT_EQ(report.status, 503);
        EXPECT_EQ(report.retry_after_s, 30);
      });
}

/// Cancelled while the peer says nothing, at each stage: the coroutine ends at once.
TEST_F(TunnelTest, a_connect_that_is_cancelled_ends_at_once) {
  enum { silent_proxy, silent_tls, silent_upgrade };
  for (const int stage : {silent_proxy, silent_tls, silent_upgrade}) {
    bool reached = false;
    run(
        [&](tcp::socket socket) -> asio::awaitable<void> {
          std::array<char, 1024> piece{};
          if (stage == silent_upgrade) {
            auto http = co_await wire::accept_http(std::move(socket), server_tls(), {});
            if (http) (void)co_await (*http)->read();
            reached = true;
            if (http) (void)co_await (*http)->read();
            co_return;
          }
          (void)co_await socket.async_read_some(asio::buffer(piece), kWait);
          reached = true;
          (void)co_await socket.async_read_some(asio::buffer(piece), kWait);
        },
        [&]() -> asio::awaitable<void> {
          const auto executor = co_await asio::this_coro::executor;
          wire::TaskGroup tasks(executor, [](const std::exception& e) { ADD_FAILURE() << e.what(); });
          const auto tls = client_tls();
          const auto where = stage == silent_proxy ? through_here() : target();
          tasks.spawn([](wire::ConnectTarget to, const wire::ClientTls& with) -> asio::awaitable<void> {
            (void)co_await wire::connect(to, with, {});
          }(where, tls));
          asio::steady_timer poll(executor);
          while (!reached) {
            poll.expires_after(milliseconds(5));
            co_await poll.async_wait(kWait);
          }
          const auto asked = std::chrono::steady_clock::now();
          tasks.cancel();
          co_await tasks.join();
          EXPECT_LT(std::chrono::steady_clock::now() - asked, milliseconds(500)) << stage;
        });
  }
}

}  // namespace
}  // namespace wire_test
