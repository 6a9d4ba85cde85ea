// An answer without an end of its own: written without waiting, bounded, and given up when its reader has gone.
#include "wire/response_stream.h"

#include <gtest/gtest.h>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "loopback.h"
#include "wire/errc.h"
#include "wire/http.h"

namespace wire_test {
namespace {

using Stream = std::unique_ptr<wire::ResponseStream>;

/// The first request's answer as a stream.
asio::awaitable<Stream> streamed(tcp::socket socket, std::size_t backlog_bytes = 64 * 1024) {
  auto http = co_await wire::accept_http(std::move(socket), server_tls(), {});
  if (!http) co_return nullptr;
  auto request = co_await (*http)->read();
  if (!request) co_return nullptr;
  wire::HttpResponse head;
  head.headers.push_back({"Content-Type", "text/plain"});
  auto stream = (*http)->stream(*request, std::move(head), backlog_bytes);
  if (!stream) co_return nullptr;
  EXPECT_FALSE((*http)->keep_alive());
  const auto after = co_await (*http)->read();
  EXPECT_FALSE(after);
  co_return std::move(*stream);
}

class ResponseStreamTest : public Loopback {};

constexpr char kRequest[] = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(ResponseStreamTest, pieces_arrive_as_chunks_and_the_end_ends_the_connection) {
  auto server = [](tcp::socket socket) -> asio::awaitable<void> {
    const auto stream = co_await streamed(std::move(socket));
    if (!stream) co_return;
    for (const char* piece : {"one,", "", "two"}) EXPECT_FALSE(stream->write(piece));
    stream->finish();
    EXPECT_TRUE(stream->write("late"));
    const auto ec = co_await stream->gone();
    EXPECT_TRUE(ec);
  };
  auto client = [this]() -> asio::awaitable<void> {
    const auto answer = co_await exchange(*this, kRequest);
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 200");
    EXPECT_NE(answer.find("Transfer-Encoding: chunked\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("\r\n\r\n4\r\none,\r\n3\r\ntwo\r\n0\r\n\r\n"), std::string::npos) << answer;
  };
  run(server, client);
}

TEST_F(ResponseStreamTest, without_chunks_the_body_ends_with_the_connection) {
  auto server = [](tcp::socket socket) -> asio::awaitable<void> {
    const auto stream = co_await streamed(std::move(socket));
    if (!stream) co_return;
    EXPECT_FALSE(stream->write("plain"));
    stream->finish();
  };
  auto client = [this]() -> asio::awaitable<void> {
    const auto answer = co_await exchange(*this, "GET /stream HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(answer.ends_with("\r\n\r\nplain")) << answer;
  };
  run(server, client);
}

TEST_F(ResponseStreamTest, a_reader_that_takes_nothing_is_bounded_and_one_that_leaves_is_noticed) {
  constexpr std::size_t kLimit = 64 * 1024;
  bool refused = false;
  auto server = [&](tcp::socket socket) -> asio::awaitable<void> {
    const auto stream = co_await streamed(std::move(socket), kLimit);
    if (!stream) co_return;
    const std::string piece(16 * 1024, 'x');
    for (int i = 0; i < 10'000 && !refused; ++i) refused = stream->write(piece) == wire::errc::backlog_full;
    EXPECT_GT(stream->backlog_bytes(), kLimit);
    EXPECT_LT(stream->backlog_bytes(), kLimit + 2 * piece.size());
    const auto ec = co_await stream->gone();
    EXPECT_TRUE(ec);
    stream->abort();
    EXPECT_TRUE(stream->write("x"));
  };
  auto client = [this]() -> asio::awaitable<void> {
    const auto tls = client_tls();
    auto stream = co_await wire::connect_tls("localhost", port(), tls, std::chrono::seconds(10));
    if (!stream) co_return;
    wire::TlsHandle handle(*stream);
    (void)co_await asio::async_write(handle, asio::buffer(kRequest, sizeof kRequest - 1), kWait);
    std::string begin(12, ' ');
    (void)co_await asio::async_read(handle, asio::buffer(begin), kWait);
    EXPECT_EQ(begin, "HTTP/1.1 200");
    (*stream)->close();
  };
  run(server, client);
  EXPECT_TRUE(refused);
}

TEST_F(ResponseStreamTest, what_waits_is_taken_once_the_reader_reads_on) {
  static constexpr std::size_t kAll = 4 * 1024 * 1024;
  auto server = [](tcp::socket socket) -> asio::awaitable<void> {
    const auto stream = co_await streamed(std::move(socket));
    if (!stream) co_return;
    const std::string piece(64 * 1024, 'z');
    for (std::size_t sent = 0; sent < kAll; sent += piece.size()) {
      EXPECT_FALSE(stream->write(piece));
      const auto ec = co_await stream->drained();
      EXPECT_FALSE(ec);
    }
    stream->finish();
  };
  auto client = [this]() -> asio::awaitable<void> {
    const auto answer = co_await exchange(*this, kRequest);
    EXPECT_EQ(static_cast<std::size_t>(std::count(answer.begin(), answer.end(), 'z')), kAll);
  };
  run(server, client);
}

TEST_F(ResponseStreamTest, a_reader_that_goes_on_talking_is_shown_out) {
  auto server = [](tcp::socket socket) -> asio::awaitable<void> {
    const auto stream = co_await streamed(std::move(socket));
    if (!stream) co_return;
    const auto ec = co_await stream->gone();
    EXPECT_EQ(ec, base::error_code(wire::errc::malformed));
  };
  auto client = [this]() -> asio::awaitable<void> {
    (void)co_await exchange(*this, kRequest + std::string(200'000, 'y'));
  };
  run(server, client);
}

}  // namespace
}  // namespace wire_test
