// What really crosses the wire, counted by a relay between client and server.
#include <gtest/gtest.h>

#include <boost/asio/write.hpp>

#include "loopback.h"
#include "wire/errc.h"

namespace wire_test {
namespace {

/// Passes bytes on and counts them.
class Relay {
 public:
  Relay(asio::io_context& io, std::uint16_t to)
      : acceptor_(io, {asio::ip::make_address("127.0.0.1"), 0}), to_(to), client_(io), server_(io) {}
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::size_t up() const { return up_; }
  std::size_t down() const { return down_; }

  asio::awaitable<void> run(wire::TaskGroup& tasks) {
    (void)co_await acceptor_.async_accept(client_, kWait);
    const tcp::endpoint target(asio::ip::make_address("127.0.0.1"), to_);
    (void)co_await server_.async_connect(target, kWait);
    tasks.spawn(pump(server_, client_, down_));
    co_await pump(client_, server_, up_);
  }

 private:
  static asio::awaitable<void> pump(tcp::socket& from, tcp::socket& to, std::size_t& bytes) {
    std::vector<char> buffer(64 * 1024);
    for (;;) {
      const auto [read_error, n] = co_await from.async_read_some(asio::buffer(buffer), kWait);
      if (read_error) break;
      bytes += n;
      const auto [write_error, written] = co_await asio::async_write(to, asio::buffer(buffer, n), kWait);
      if (write_error) break;
    }
    base::error_code ignored;
    to.shutdown(tcp::socket::shutdown_send, ignored);
  }

  tcp::acceptor acceptor_;
  std::uint16_t to_;
  tcp::socket client_, server_;
  std::size_t up_ = 0, down_ = 0;
};

class RecordsTest : public Loopback {};

TEST_F(RecordsTest, a_message_leaves_in_as_few_records_as_it_fits) {
  constexpr std::size_t kRecord = 16'384, kOverhead = 22;
  std::vector<std::string> parts(1'000, "a fragment of 23 bytes;");
  // The server answers each message with a thousand fragments.
  auto server = [&parts](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket));
    if (!c) co_return;
    std::vector<asio::const_buffer> fragments;
    for (const auto& part : parts) fragments.emplace_back(part.data(), part.size());
    std::string message;
    for (;;) {
      if (const auto ec = co_await c->read(message)) co_return;
      EXPECT_FALSE(c->write(fragments));
    }
  };
  auto client = [this]() -> asio::awaitable<void> {
    wire::TaskGroup tasks(io_.get_executor(), [](const std::exception& e) { ADD_FAILURE() << e.what(); });
    Relay relay(io_, port());
    tasks.spawn(relay.run(tasks));
    auto where = target();
    where.port = relay.port();
    const auto tls = client_tls();
    auto c = co_await wire::connect(where, tls, {});
    EXPECT_TRUE(c);
    if (!c) co_return;
    std::string message;
    for (const std::size_t size : {100u, 2'000u, 60'000u}) {
      const std::size_t up = relay.up(), down = relay.down();
      EXPECT_FALSE((*c)->write(std::string(size, 'x')));
      EXPECT_FALSE(co_await (*c)->read(message));
      const std::size_t framed = size + (size < 126 ? 6 : 8), answered = 23'000 + 4;
      EXPECT_EQ(message.size(), 23'000u);
      EXPECT_EQ(relay.up() - up, framed + (framed + kRecord - 1) / kRecord * kOverhead);
      EXPECT_EQ(relay.down() - down, answered + (answered + kRecord - 1) / kRecord * kOverhead);
    }
    co_await (*c)->close({});
    co_await tasks.join();
  };
  run(server, client);
}

}  // namespace
}  // namespace wire_test
