// The last words of a connection arrive: close codes and refusals, whatever else is on the wire at that moment.
#include <gtest/gtest.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "loopback.h"
#include "wire/client_socket.h"
#include "wire/errc.h"
#include "wire/tls_handle.h"

namespace wire_test {
namespace {

using wire::Connection;
using wire::ConnectionLimits;
using namespace boost::asio::experimental::awaitable_operators;

constexpr std::string_view kUpgrade =
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A masked client frame (mask of zeros).
std::string client_frame(unsigned char first_byte, const std::string& payload) {
  std::string frame(1, static_cast<char>(first_byte));
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80 | payload.size());
  } else {
    frame += '\xff';
    for (int shift = 56; shift >= 0; shift -= 8) frame += static_cast<char>(payload.size() >> shift);
  }
  return frame.append(4, '\0').append(payload);
}

std::string close_frame(unsigned code) {
  return {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
}

class FarewellTest : public Loopback {
 protected:
  static asio::awaitable<std::unique_ptr<Connection>> open(FarewellTest& self, ConnectionLimits limits = {}) {
    const auto tls = client_tls();
    auto connection = co_await wire::connect(self.target(), tls, limits);
    EXPECT_TRUE(connection) << connection.error().message();
    co_return connection ? std::move(*connection) : nullptr;
  }

  static asio::awaitable<void> pause(std::chrono::milliseconds time) {
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(kWait);
  }
  static asio::awaitable<void> read_one(Connection& connection) {
    std::string message;
    (void)co_await connection.read(message);
  }
};

TEST_F(FarewellTest, a_session_whose_read_was_cancelled_still_says_why_it_closes) {
  auto server = [](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket));
    if (!c) co_return;
    co_await (read_one(*c) || pause(std::chrono::milliseconds(5)));
    co_await c->close({4201, "replaced"});
  };
  wire::CloseReason seen{0};
  auto client = [&]() -> asio::awaitable<void> {
    auto c = co_await open(*this);
    if (!c) co_return;
    std::string message;
    EXPECT_TRUE(co_await c->read(message));
    seen = c->peer_close();
  };
  run(server, client);
  EXPECT_EQ(seen.code, 4201);
  EXPECT_EQ(seen.reason, "replaced");
}

TEST_F(FarewellTest, a_message_that_arrives_behind_a_cancelled_read_is_not_lost) {
  std::string first;
  auto server = [&](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket));
    if (!c) co_return;
    co_await (read_one(*c) || pause(std::chrono::milliseconds(5)));
    EXPECT_FALSE(c->write(std::string("go")));
    EXPECT_FALSE(co_await c->read(first));
    co_await c->close({});
  };
  auto client = [&]() -> asio::awaitable<void> {
    auto c = co_await open(*this);
    if (!c) co_return;
    std::string message;
    EXPECT_FALSE(co_await c->read(message));
    EXPECT_FALSE(c->write(std::string("first")));
    EXPECT_TRUE(co_await c->read(message));
  };
  run(server, client);
  EXPECT_EQ(first, "first");
}

TEST_F(FarewellTest, a_peer_in_the_middle_of_a_huge_message_learns_1009) {
  auto server = [](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket));
    if (!c) co_return;
    std::string message;
    EXPECT_TRUE(co_await c->read(message));
  };
  auto client = [this]() -> asio::awaitable<void> {
    const auto answer =
        co_await exchange(*this, std::string(kUpgrade) + client_frame(0x82, std::string(4'000'000, 'x')));
    EXPECT_NE(answer.find(close_frame(1009)), std::string::npos) << "the close frame was lost";
  };
  run(server, client);
}

TEST_F(FarewellTest, a_text_message_closes_1003) {
  base::error_code seen;
  auto server = [&](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket));
    if (!c) co_return;
    std::string message;
    seen = co_await c->read(message);
  };
  auto client = [this]() -> asio::awaitable<void> {
    // The second frame is the client's own close, as it would answer.
    const auto answer = co_await exchange(
        *this, std::string(kUpgrade) + client_frame(0x81, "hello") + client_frame(0x88, close_frame(1003)));
    EXPECT_NE(answer.find(close_frame(1003)), std::string::npos);
  };
  run(server, client);
  EXPECT_EQ(seen, base::error_code(wire::errc::text_message));
}

TEST_F(FarewellTest, a_client_that_sends_too_large_a_body_reads_the_413) {
  auto server = [](tcp::socket socket) -> asio::awaitable<void> {
    auto http = co_await wire::accept_http(std::move(socket), server_tls(), {});
    if (!http) co_return;
    auto request = co_await (*http)->read();
    EXPECT_FALSE(request);
    EXPECT_FALSE((*http)->keep_alive());
  };
  auto client = [this]() -> asio::awaitable<void> {
    const auto answer = co_await exchange(
        *this, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n" + std::string(4'000'000, 'x'));
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 413");
    EXPECT_NE(answer.find("application/problem+json"), std::string::npos);
  };
  run(server, client);
}

TEST_F(FarewellTest, time_in_which_nobody_read_is_not_silence) {
  ConnectionLimits quick;
  quick.heartbeat = std::chrono::milliseconds(100);
  base::error_code ec;
  auto server = [&](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket), quick);
    if (!c) co_return;
    co_await pause(std::chrono::milliseconds(350));  // busy
    std::string message;
    ec = co_await c->read(message);
    co_await c->close({});
  };
  auto client = [this]() -> asio::awaitable<void> {
    auto c = co_await open(*this);
    if (!c) co_return;
    co_await (read_one(*c) || pause(std::chrono::milliseconds(700)));  // alive: it answers pings
    EXPECT_FALSE(c->write(std::string("x")));
    co_await read_one(*c);
  };
  run(server, client);
  EXPECT_FALSE(ec) << ec.message();
}

TEST_F(FarewellTest, a_peer_that_had_stopped_reading_hears_why_it_is_closed) {
  std::size_t sent = 0;
  bool closing = false;
  auto server = [&](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket));
    if (!c) co_return;
    const std::string big(60'000, 'x');
    while (!c->write(big)) ++sent;
    closing = true;
    co_await c->close({4200, "slow"}, std::chrono::seconds(60));
  };
  std::size_t received = 0;
  wire::CloseReason seen{0};
  auto client = [&]() -> asio::awaitable<void> {
    auto c = co_await open(*this);
    while (!closing) co_await pause(std::chrono::milliseconds(5));
    std::string message;
    for (;;) {
      const auto ec = co_await c->read(message);
      if (ec) break;
      ++received;
    }
    seen = c->peer_close();
  };
  run(server, client);
  EXPECT_EQ(seen.code, 4200);
  EXPECT_EQ(received, sent);
}

TEST_F(FarewellTest, a_close_waits_no_longer_than_it_was_told) {
  bool over = false;
  auto server = [&](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket));
    if (!c) co_return;
    const std::string big(60'000, 'x');
    while (!c->write(big)) {
    }
    co_await c->close({4200, "slow"}, std::chrono::milliseconds(20));
    over = true;
  };
  auto client = [&]() -> asio::awaitable<void> {
    auto c = co_await open(*this);
    while (!over) co_await pause(std::chrono::milliseconds(5));  // never reads
  };
  run(server, client);
  EXPECT_TRUE(over);
}

TEST_F(FarewellTest, waiting_for_the_backlog_can_be_cancelled) {
  bool over = false;
  auto server = [&](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket));
    if (!c) co_return;
    const std::string big(60'000, 'x');
    while (!c->write(big)) {
    }
    auto drain = [](Connection& connection) -> asio::awaitable<void> { (void)co_await connection.drained(); };
    co_await (drain(*c) || pause(std::chrono::milliseconds(5)));
    EXPECT_GT(c->backlog_bytes(), 0u);
    over = true;
    c->abort();
  };
  auto client = [&]() -> asio::awaitable<void> {
    auto c = co_await open(*this);
    while (!over) co_await pause(std::chrono::milliseconds(5));  // never reads
  };
  run(server, client);
  EXPECT_TRUE(over);
}

TEST_F(FarewellTest, an_upgraded_connection_may_be_aborted_and_asked) {
  auto server = [](tcp::socket socket) -> asio::awaitable<void> {
    auto http = co_await wire::accept_http(std::move(socket), server_tls(), {});
    if (!http) co_return;
    auto request = co_await (*http)->read();
    auto c = co_await (*http)->upgrade(*request, "test.v1", {});
    EXPECT_TRUE(c);
    EXPECT_FALSE((*http)->keep_alive());
    EXPECT_EQ((*http)->remote_address(), "127.0.0.1");
    (*http)->abort();
    if (c) co_await (*c)->close({});
  };
  auto client = [this]() -> asio::awaitable<void> {
    auto c = co_await open(*this);
    if (c) co_await read_one(*c);
  };
  run(server, client);
}

TEST_F(FarewellTest, a_subprotocol_nobody_offered_is_not_chosen) {
  auto server = [](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket));
    if (c) c->abort();
  };
  auto client = [this]() -> asio::awaitable<void> {
    const auto answer = co_await exchange(*this, std::string(kUpgrade));
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 101");
    EXPECT_EQ(answer.find("test.v1"), std::string::npos) << "browsers fail such a connection";
  };
  run(server, client);
}

}  // namespace
}  // namespace wire_test
