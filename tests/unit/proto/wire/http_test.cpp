#include "wire/http.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "loopback.h"
#include "wire/client_socket.h"
#include "wire/errc.h"
#include "wire/tls_handle.h"

namespace wire_test {
namespace {

using namespace std::string_literals;

/// Serves every request of a connection: the body comes back, /chunks streams, /static is borrowed.
asio::awaitable<void> serve(tcp::socket socket, wire::HttpLimits limits) {
  auto http = co_await wire::accept_http(std::move(socket), server_tls(), limits);
  if (!http) co_return;
  do {
    auto request = co_await (*http)->read();
    if (!request) co_return;
    wire::HttpResponse response;
    response.headers.push_back({"X-Method", request->method});
    if (request->target == "/chunks") {
      (void)co_await (*http)->write_head(*request, response);
      for (const char* chunk : {"one,", "two,", "three", ""}) (void)co_await (*http)->write_chunk(chunk);
      continue;
    }
    if (request->target == "/static")
      response.static_body = "static";
    else
      response.body = request->body;
    (void)co_await (*http)->write(*request, std::move(response));
  } while ((*http)->keep_alive());
}

class HttpTest : public Loopback {
 protected:
  static Server server(wire::HttpLimits limits = {}) {
    return [limits](tcp::socket socket) { return serve(std::move(socket), limits); };
  }
};

TEST_F(HttpTest, bodies_chunks_and_static_bytes_arrive) {
  auto client = [this]() -> asio::awaitable<void> {
    const auto tls = client_tls();
    const std::string big(900'000, 'b');
    auto echoed = co_await wire::fetch(fetch_of("POST", "/echo", big), tls);
    EXPECT_TRUE(echoed && echoed->status == 200 && echoed->body == big);
    auto chunks = co_await wire::fetch(fetch_of("GET", "/chunks"), tls);
    EXPECT_TRUE(chunks && chunks->body == "one,two,three");
    auto fixed = co_await wire::fetch(fetch_of("GET", "/static"), tls);
    EXPECT_TRUE(fixed && fixed->body == "static");
    auto head = co_await wire::fetch(fetch_of("HEAD", "/static"), tls);
    EXPECT_TRUE(head && head->body.empty());
    EXPECT_EQ(head->header("content-length"), "6");
    EXPECT_EQ(head->header("X-METHOD"), "HEAD");
  };
  run(server(), client, 4);
}

TEST_F(HttpTest, pipelined_requests_are_answered_in_order_on_one_connection) {
  auto client = [this]() -> asio::awaitable<void> {
    const std::string answer = co_await exchange(*this,
                                                 "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nonePOST /b "
                                                 "HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                                                 "Connection: close\r\n\r\ntwo");
    const auto one = answer.find("\r\n\r\none"), two = answer.find("\r\n\r\ntwo");
    EXPECT_NE(one, std::string::npos) << answer;
    EXPECT_NE(two, std::string::npos) << answer;
    EXPECT_LT(one, two);
  };
  run(server(), client);
}

TEST_F(HttpTest, what_is_too_large_or_no_http_is_answered_and_ends) {
  wire::HttpLimits limits;
  limits.header_bytes = 2'000;
  limits.body_bytes = 1'000;
  auto client = [this]() -> asio::awaitable<void> {
    const auto status = [](const std::string& answer) { return answer.substr(9, 3); };
    EXPECT_EQ(status(co_await exchange(*this, "nonsense\r\n\r\n")), "400");
    EXPECT_EQ(status(co_await exchange(*this, "GET / HTTP/1.1\r\nX: " + std::string(3'000, 'x') + "\r\n\r\n")), "431");
    EXPECT_EQ(
        status(co_await exchange(*this, "POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n" + std::string(5'000, 'x'))),
        "413");
    EXPECT_EQ(status(co_await exchange(*this, "POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n")), "400");
  };
  run(server(limits), client, 4);
}

TEST_F(HttpTest, a_slow_header_is_cut_off) {
  wire::HttpLimits limits;
  limits.header = std::chrono::milliseconds(100);
  auto client = [this]() -> asio::awaitable<void> {
    const std::string answer = co_await exchange(*this, "GET / HTTP/1.1\r\nHost:");
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 408") << answer;
    EXPECT_EQ(co_await exchange(*this, ""), "");  // silence ends without an answer
  };
  run(server(limits), client, 2);
}

TEST_F(HttpTest, a_header_that_trickles_in_is_cut_off_too) {
  wire::HttpLimits limits;
  limits.header = std::chrono::milliseconds(100);
  auto client = [this]() -> asio::awaitable<void> {
    const auto tls = client_tls();
    auto stream = co_await wire::connect_tls("localhost", port(), tls, std::chrono::seconds(10));
    if (!stream) co_return;
    wire::TlsHandle handle(std::move(*stream));
    (void)co_await asio::async_write(handle, asio::buffer("GET / HTTP/1.1\r\nX: "s), kWait);
    // A byte every few milliseconds never lets the server's read wait for long.
    asio::steady_timer timer(io_);
    base::error_code ec;
    for (int i = 0; i < 10'000 && !ec; ++i) {
      timer.expires_after(std::chrono::milliseconds(3));
      co_await timer.async_wait(kWait);
      const auto [write_error, n] = co_await asio::async_write(handle, asio::buffer("x"s), kWait);
      ec = write_error;
    }
    EXPECT_TRUE(ec);
  };
  run(server(limits), client);
}

TEST_F(HttpTest, a_head_of_a_stream_has_no_chunks) {
  auto client = [this]() -> asio::awaitable<void> {
    const std::string answer = co_await exchange(*this,
                                                 "HEAD /chunks HTTP/1.1\r\nHost: x\r\n\r\n"
                                                 "GET /static HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(answer.find("one,"), std::string::npos) << answer;
    EXPECT_EQ(answer.substr(answer.size() - 6), "static") << answer;
  };
  run(server(), client);
}

TEST_F(HttpTest, a_request_names_its_host_once) {
  auto client = [this]() -> asio::awaitable<void> {
    EXPECT_EQ((co_await exchange(*this, "GET / HTTP/1.1\r\n\r\n")).substr(9, 3), "400");
    EXPECT_EQ((co_await exchange(*this, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")).substr(9, 3), "400");
    EXPECT_EQ((co_await exchange(*this, "GET https://x/static HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
                  .substr(9, 3),
              "200");
    EXPECT_EQ((co_await exchange(*this, "GET /static HTTP/1.0\r\n\r\n")).substr(9, 3), "200");
  };
  run(server(), client, 4);
}

TEST_F(HttpTest, a_body_announced_with_expect_is_asked_for) {
  auto client = [this]() -> asio::awaitable<void> {
    const auto tls = client_tls();
    auto stream = co_await wire::connect_tls("localhost", port(), tls, std::chrono::seconds(10));
    if (!stream) co_return;
    wire::TlsHandle handle(std::move(*stream));
    (void)co_await asio::async_write(handle,
                                     asio::buffer("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
                                                  "Expect: 100-continue\r\nConnection: close\r\n\r\n"s),
                                     kWait);
    char interim[25];
    (void)co_await asio::async_read(handle, asio::buffer(interim), kWait);
    EXPECT_EQ(std::string(interim, sizeof interim), "HTTP/1.1 100 Continue\r\n\r\n");
    (void)co_await asio::async_write(handle, asio::buffer("body"s), kWait);
    std::string answer;
    (void)co_await asio::async_read(handle, asio::dynamic_buffer(answer), kWait);
    EXPECT_EQ(answer.substr(9, 3), "200");
    EXPECT_EQ(answer.substr(answer.size() - 4), "body");
  };
  run(server(), client);
}

TEST_F(HttpTest, an_upgrade_keeps_the_bytes_that_came_with_it) {
  std::string seen;
  auto websocket = [&seen](tcp::socket socket) -> asio::awaitable<void> {
    auto c = co_await upgraded(std::move(socket));
    if (!c) co_return;
    (void)co_await c->read(seen);
    c->abort();
  };
  auto client = [this]() -> asio::awaitable<void> {
    const char frame[] = {'\x82', '\x82', 0, 0, 0, 0, 'h', 'i'};  // masked with zeros
    (void)co_await exchange(*this,
                            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
                                std::string(frame, sizeof frame));
  };
  run(websocket, client);
  EXPECT_EQ(seen, "hi");
}

TEST_F(HttpTest, old_tls_is_refused) {
  base::error_code refused;
  auto strict = [&](tcp::socket socket) -> asio::awaitable<void> {
    auto http = co_await wire::accept_http(std::move(socket), server_tls(), {});
    if (!http) refused = http.error();
  };
  auto client = [this]() -> asio::awaitable<void> {
    const auto tls = client_tls();
    SSL_CTX_set_min_proto_version(tls.native(), TLS1_1_VERSION);
    SSL_CTX_set_max_proto_version(tls.native(), TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(tls.native(), "ALL:@SECLEVEL=0");
    EXPECT_FALSE(co_await wire::connect_tls("localhost", port(), tls, std::chrono::seconds(10)));
  };
  run(strict, client);
  EXPECT_TRUE(refused);
}

TEST_F(HttpTest, alpn_tells_devices_from_browsers) {
  std::vector<std::string> seen;
  auto server = [&](tcp::socket socket) -> asio::awaitable<void> {
    auto http = co_await wire::accept_http(std::move(socket), server_tls(), {});
    if (http) seen.push_back((*http)->alpn());
  };
  auto client = [this]() -> asio::awaitable<void> {
    for (const char* name : {wire::kDeviceAlpn, "http/1.1", "h2"}) {
      wire::ClientTls::Options options;
      options.ca_pem = authority().certificate_pem;
      options.alpn = name;
      const auto tls = wire::ClientTls::make(options).value();
      auto stream = co_await wire::connect_tls("localhost", port(), tls, std::chrono::seconds(10));
      EXPECT_TRUE(stream);
      if (!stream) co_return;
      std::string rest;  // until the server has looked and left
      wire::TlsHandle handle(std::move(*stream));
      (void)co_await asio::async_read(handle, asio::dynamic_buffer(rest), kWait);
    }
  };
  run(server, client, 3);
  EXPECT_EQ(seen, (std::vector<std::string>{"telemetry-device/1", "http/1.1", ""}));
}

}  // namespace
}  // namespace wire_test
