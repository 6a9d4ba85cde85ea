#include "wire/connection.h"

#include <gtest/gtest.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "loopback.h"
#include "wire/errc.h"

namespace wire_test {
namespace {

using wire::Connection;
using wire::ConnectionLimits;

asio::awaitable<void> echo(tcp::socket socket) {
  auto connection = co_await upgraded(std::move(socket));
  if (!connection) co_return;
  std::string message;
  for (;;) {
    if (const auto ec = co_await connection->read(message)) co_return;
    while (connection->write(message) == wire::errc::backlog_full) co_await connection->drained();
  }
}

class ConnectionTest : public Loopback {
 protected:
  static asio::awaitable<std::unique_ptr<Connection>> open(ConnectionTest& self, ConnectionLimits limits = {}) {
    const auto tls = client_tls();
    auto connection = co_await wire::connect(self.target(), tls, limits);
    EXPECT_TRUE(connection) << connection.error().message();
    co_return connection ? std::move(*connection) : nullptr;
  }
};

TEST_F(ConnectionTest, messages_of_every_size_come_back_whole) {
  auto client = [this]() -> asio::awaitable<void> {
    auto c = co_await open(*this);
    if (!c) co_return;
    EXPECT_EQ(c->subprotocol(), "test.v1");
    std::string got;
    for (const std::size_t size : {0u, 1u, 125u, 126u, 16'383u, 16'384u, 16'385u, 65'535u, 65'536u}) {
      std::string sent(size, 'x');
      for (std::size_t i = 0; i < size; ++i) sent[i] = static_cast<char>(i * 31);
      EXPECT_FALSE(c->write(sent));
      EXPECT_FALSE(co_await c->read(got));
      EXPECT_EQ(got, sent);
    }
    co_await c->close({1000, "bye"});
  };
  run(echo, client);
}

TEST_F(ConnectionTest, many_fragments_are_one_message) {
  auto client = [this]() -> asio::awaitable<void> {
    auto c = co_await open(*this);
    if (!c) co_return;
    std::vector<std::string> parts;
    std::vector<asio::const_buffer> buffers;
    for (int i = 0; i < 1'000; ++i) parts.push_back("part " + std::to_string(i) + ";");
    std::string whole;
    for (const auto& part : parts) {
      buffers.emplace_back(part.data(), part.size());
      whole += part;
    }
    EXPECT_FALSE(c->write(buffers));
    std::string got;
    EXPECT_FALSE(co_await c->read(got));
    EXPECT_EQ(got, whole);
    co_await c->close({});
  };
  run(echo, client);
}

TEST_F(ConnectionTest, close_codes_and_reasons_reach_the_other_side) {
  std::optional<wire::CloseReason> seen;
  auto server = [&seen](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket));
    std::string message;
    (void)co_await c->read(message);
    seen = c->peer_close();
  };
  auto client = [this]() -> asio::awaitable<void> {
    auto c = co_await open(*this);
    if (c) co_await c->close({4201, "replaced"});
  };
  run(server, client);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->code, 4201);
  EXPECT_EQ(seen->reason, "replaced");
}

TEST_F(ConnectionTest, closing_ends_a_pending_read) {
  auto server = [](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket));
    wire::TaskGroup closers(c->executor(), [](const std::exception&) {});
    asio::steady_timer soon(c->executor(), std::chrono::milliseconds(1));
    soon.async_wait([&](base::error_code) { closers.spawn(c->close({4203, "shutting down"})); });
    std::string message;
    EXPECT_TRUE(co_await c->read(message));
    co_await closers.join();
  };
  auto client = [this]() -> asio::awaitable<void> {
    auto c = co_await open(*this);
    if (!c) co_return;
    std::string message;
    EXPECT_TRUE(co_await c->read(message));
    EXPECT_EQ(c->peer_close().code, 4203);
  };
  run(server, client);
}

TEST_F(ConnectionTest, a_message_over_the_limit_closes_1009) {
  auto client = [this]() -> asio::awaitable<void> {
    auto c = co_await open(*this);
    if (!c) co_return;
    EXPECT_FALSE(c->write(std::string(64 * 1024 + 1, 'x')));
    std::string message;
    EXPECT_TRUE(co_await c->read(message));
    EXPECT_EQ(c->peer_close().code, 1009);
  };
  run(echo, client);
}

TEST_F(ConnectionTest, silence_is_pinged_and_a_living_peer_answers) {
  ConnectionLimits quick;
  quick.heartbeat = std::chrono::milliseconds(50);
  base::error_code living;
  // The client reads all the time, so its pongs keep the first server alive until it says good-bye.
  auto server = [&](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket), quick);
    std::string message;
    living = co_await c->read(message);
  };
  auto client = [this]() -> asio::awaitable<void> {
    auto c = co_await open(*this);
    if (!c) co_return;
    wire::TaskGroup group(c->executor(), [](const std::exception&) {});
    auto reading = [](Connection& connection) -> asio::awaitable<void> {
      std::string message;
      (void)co_await connection.read(message);
    };
    group.spawn(reading(*c));
    asio::steady_timer later(c->executor(), std::chrono::milliseconds(400));
    co_await later.async_wait(kWait);
    EXPECT_FALSE(c->write(std::string("still here")));
    co_await c->close({});
    co_await group.join();
  };
  run(server, client);
  EXPECT_FALSE(living);
}

TEST_F(ConnectionTest, a_peer_that_never_answers_a_ping_is_dead) {
  ConnectionLimits quick;
  quick.heartbeat = std::chrono::milliseconds(50);
  base::error_code dead;
  // It never reads, so no pong comes.
  auto waits = [&](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket), quick);
    std::string message;
    dead = co_await c->read(message);
  };
  auto silent = [&]() -> asio::awaitable<void> {
    auto c = co_await open(*this);
    asio::steady_timer poll(io_);
    for (int i = 0; i < 3'000 && !dead; ++i) {
      poll.expires_after(std::chrono::milliseconds(10));
      co_await poll.async_wait(kWait);
    }
  };
  run(waits, silent);
  EXPECT_EQ(dead, base::error_code(wire::errc::timed_out));
}

TEST_F(ConnectionTest, a_peer_that_does_not_read_fills_a_bounded_backlog_and_can_recover) {
  bool recovered = false;
  auto server = [&](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket));
    const std::string big(60'000, 'x');
    base::error_code ec;
    int written = 0;
    while (!(ec = c->write(big)) && written < 10'000) ++written;
    EXPECT_EQ(ec, base::error_code(wire::errc::backlog_full));
    EXPECT_LT(c->backlog_bytes(), 256 * 1024 + 70'000u);
    // One word tells the client to start reading; it waits behind the backlog.
    EXPECT_FALSE(co_await c->drained());
    EXPECT_EQ(c->backlog_bytes(), 0u);
    EXPECT_FALSE(c->write(std::string("end")));
    recovered = true;
    std::string message;
    (void)co_await c->read(message);
  };
  auto client = [this]() -> asio::awaitable<void> {
    ConnectionLimits limits;
    auto c = co_await open(*this, limits);
    if (!c) co_return;
    std::string message;
    while (message != "end") {
      if (const auto ec = co_await c->read(message)) break;
    }
    EXPECT_EQ(message, "end");
    co_await c->close({});
  };
  run(server, client);
  EXPECT_TRUE(recovered);
}

TEST_F(ConnectionTest, a_vanished_peer_ends_the_read) {
  base::error_code seen;
  auto server = [&](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket));
    std::string message;
    seen = co_await c->read(message);
    EXPECT_EQ(c->peer_close().code, 1006);
    EXPECT_TRUE(c->write(std::string("x")));
  };
  auto client = [this]() -> asio::awaitable<void> {
    auto c = co_await open(*this);
    if (c) c->abort();
  };
  run(server, client);
  EXPECT_TRUE(seen);
}

TEST_F(ConnectionTest, only_the_right_authority_and_the_right_host_are_trusted) {
  const auto other = wire::make_certificate_authority("other").value();
  const auto try_with = [this](wire::ClientTls::Options options,
                               std::string host) -> asio::awaitable<base::error_code> {
    const auto tls = wire::ClientTls::make(options).value();
    auto where = target();
    where.host = std::move(host);
    auto c = co_await wire::connect(where, tls, {});
    if (c) (*c)->abort();
    co_return c ? base::error_code{} : c.error();
  };
  auto client = [&]() -> asio::awaitable<void> {
    wire::ClientTls::Options right, foreign, pinned, wrong_pin, lenient;
    right.ca_pem = lenient.ca_pem = authority().certificate_pem;
    lenient.verify_host = false;
    foreign.ca_pem = other.certificate_pem;
    pinned.ca_sha256_hex = wire::certificate_sha256(authority().certificate_pem).value();
    wrong_pin.ca_sha256_hex = wire::certificate_sha256(other.certificate_pem).value();
    EXPECT_FALSE(co_await try_with(right, "localhost"));
    EXPECT_FALSE(co_await try_with(right, "127.0.0.1"));
    EXPECT_FALSE(co_await try_with(pinned, "localhost"));
    EXPECT_EQ(co_await try_with(foreign, "localhost"), base::error_code(wire::errc::certificate_untrusted));
    EXPECT_EQ(co_await try_with(wrong_pin, "localhost"), base::error_code(wire::errc::certificate_untrusted));
    // 127.0.0.2 reaches the same listener only where it listens there; the name is what differs here.
    EXPECT_EQ(co_await try_with(right, "ip6-localhost.invalid") == base::error_code{}, false);
  };
  run(echo, client, 6);
}

TEST_F(ConnectionTest, a_certificate_for_another_name_is_refused) {
  const auto leaf = wire::make_server_certificate(authority(), "x", {"elsewhere.example"}, 10).value();
  const auto wrong = wire::ServerTls::from_pem(leaf.certificate_pem, leaf.key_pem).value();
  auto server = [&](tcp::socket socket) -> asio::awaitable<void> {
    (void)co_await wire::accept_http(std::move(socket), wrong, {});
  };
  auto client = [this]() -> asio::awaitable<void> {
    const auto tls = client_tls();
    auto c = co_await wire::connect(target(), tls, {});
    EXPECT_TRUE(!c && c.error() == base::error_code(wire::errc::host_mismatch));
  };
  run(server, client);
}

TEST_F(ConnectionTest, a_refused_upgrade_tells_the_status) {
  auto server = [](tcp::socket socket) -> asio::awaitable<void> {
    auto http = co_await wire::accept_http(std::move(socket), server_tls(), {});
    auto request = co_await (*http)->read();
    wire::HttpResponse response;
    response.status = 401;
    (void)co_await (*http)->write(*request, response);
  };
  auto client = [this]() -> asio::awaitable<void> {
    const auto tls = client_tls();
    wire::ConnectReport report;
    auto c = co_await wire::connect(target(), tls, {}, &report);
    EXPECT_FALSE(c);
    EXPECT_EQ(report.status, 401);
    EXPECT_EQ(report.stage, wire::ConnectStage::answer);
  };
  run(server, client);
}

}  // namespace
}  // namespace wire_test
