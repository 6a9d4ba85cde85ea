#include "wire/tls_context.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "loopback.h"
#include "wire/errc.h"

namespace wire_test {
namespace {

using wire::ClientTls;
using wire::ServerTls;

constexpr std::int64_t kDay = 86'400;

TEST(Certificates, live_as_long_as_they_were_made_for) {
  const auto leaf = wire::make_server_certificate(authority(), "hub", {"localhost", "::1"}, 30).value();
  const std::int64_t now = std::time(nullptr);
  EXPECT_NEAR(static_cast<double>(wire::certificate_expiry(leaf.certificate_pem).value() - now), 30.0 * kDay, 60);
  EXPECT_NEAR(static_cast<double>(wire::certificate_expiry(authority().certificate_pem).value() - now), 3'650.0 * kDay,
              3'600);
  EXPECT_EQ(wire::certificate_sha256(leaf.certificate_pem).value().size(), 64u);
  EXPECT_NE(wire::certificate_sha256(leaf.certificate_pem).value(),
            wire::certificate_sha256(authority().certificate_pem).value());
}

TEST(Certificates, no_name_smuggles_in_another) {
  EXPECT_FALSE(wire::make_server_certificate(authority(), "hub", {"a.example,DNS:b.example"}, 30));
  EXPECT_FALSE(wire::make_server_certificate(authority(), "hub", {""}, 30));
  EXPECT_FALSE(wire::make_server_certificate(authority(), "hub", {}, 30));
}

TEST(Certificates, what_does_not_parse_or_fit_is_refused) {
  const base::error_code bad = wire::errc::bad_certificate;
  const auto other = wire::make_certificate_authority("other").value();
  const auto leaf = wire::make_server_certificate(authority(), "hub", {"localhost"}, 30).value();
  EXPECT_EQ(ServerTls::from_pem(leaf.certificate_pem, other.key_pem).error(), bad);
  EXPECT_EQ(ServerTls::from_pem("", leaf.key_pem).error(), bad);
  EXPECT_EQ(ServerTls::from_pem(leaf.certificate_pem, "nonsense").error(), bad);
  EXPECT_EQ(wire::certificate_sha256("nonsense").error(), bad);
  EXPECT_EQ(wire::certificate_expiry("").error(), bad);
  ClientTls::Options options;
  options.ca_pem = "nonsense";
  EXPECT_EQ(ClientTls::make(options).error(), bad);
  options.ca_pem.clear();
  options.ca_sha256_hex = "abcd";
  EXPECT_EQ(ClientTls::make(options).error(), bad);
}

class PinTest : public Loopback {};

TEST_F(PinTest, a_pin_is_of_an_authority_in_whatever_case) {
  const auto leaf = wire::make_server_certificate(authority(), "hub", {"localhost"}, 30).value();
  const auto tls = ServerTls::from_pem(leaf.certificate_pem + authority().certificate_pem, leaf.key_pem).value();
  const auto alone = ServerTls::from_pem(leaf.certificate_pem, leaf.key_pem).value();
  int accepted = 0;
  auto server = [&](tcp::socket socket) -> asio::awaitable<void> {
    // The third client meets a hub that does not send its authority along.
    (void)co_await wire::accept_http(std::move(socket), ++accepted < 3 ? tls : alone, {});
  };
  auto client = [&]() -> asio::awaitable<void> {
    auto attempt = [this](std::string pin) -> asio::awaitable<base::error_code> {
      ClientTls::Options options;
      options.ca_sha256_hex = std::move(pin);
      const auto trust = ClientTls::make(options).value();
      auto answer = co_await wire::fetch(fetch_of("GET", "/"), trust);
      co_return answer ? base::error_code{} : answer.error();
    };
    auto pin = wire::certificate_sha256(authority().certificate_pem).value();
    std::transform(pin.begin(), pin.end(), pin.begin(), [](unsigned char c) { return std::toupper(c); });
    const base::error_code untrusted = wire::errc::certificate_untrusted;
    EXPECT_NE(co_await attempt(pin), untrusted);  // trusted; the server then just leaves
    EXPECT_EQ(co_await attempt(wire::certificate_sha256(leaf.certificate_pem).value()), untrusted);
    EXPECT_EQ(co_await attempt(pin), untrusted);
  };
  run(server, client, 3);
}

}  // namespace
}  // namespace wire_test
