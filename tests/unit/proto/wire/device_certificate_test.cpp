#include "wire/device_certificate.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <ctime>

#include "loopback.h"
#include "wire/errc.h"

namespace wire_test {
namespace {

using wire::ClientTls;
using wire::ServerTls;

constexpr std::int64_t kOneDay = 86'400;
const base::error_code kBad = wire::errc::bad_certificate;

const wire::KeyAndCertificate& device_authority() {
  static const auto ca = wire::make_certificate_authority("test device CA").value();
  return ca;
}

std::string signed_by(const wire::KeyAndCertificate& ca, const std::string& key, std::int64_t from_s,
                      std::int64_t until_s) {
  const auto request = wire::make_signing_request(key, "whatever the device says").value();
  return wire::sign_device_certificate(ca, request, "d-1", from_s, until_s).value();
}

TEST(DeviceCertificate, says_what_the_hub_said_not_what_the_request_said) {
  const auto key = wire::make_private_key().value();
  const auto request = wire::make_signing_request(key, "d-of-somebody-else").value();
  const auto pem = wire::sign_device_certificate(device_authority(), request, "d-1", 1'000'000, 2'000'000).value();
  const auto info = wire::read_certificate_info(pem).value();
  EXPECT_EQ(info.common_name, "d-1");
  EXPECT_EQ(info.not_before_s, 1'000'000);
  EXPECT_EQ(info.not_after_s, 2'000'000);
  EXPECT_EQ(info.serial_hex.size(), 32u);
  EXPECT_EQ(info.serial_hex.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_TRUE(wire::key_fits_certificate(key, pem));
  EXPECT_FALSE(wire::key_fits_certificate(wire::make_private_key().value(), pem));
  const auto again = wire::sign_device_certificate(device_authority(), request, "d-1", 1'000'000, 2'000'000).value();
  EXPECT_NE(wire::read_certificate_info(again).value().serial_hex, info.serial_hex);
}

TEST(DeviceCertificate, request_may_be_text_or_binary) {
  const auto key = wire::make_private_key().value();
  const auto der = wire::make_signing_request(key, "d-1").value();
  const auto pem = wire::signing_request_pem(der).value();
  EXPECT_TRUE(pem.starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
  EXPECT_TRUE(wire::sign_device_certificate(device_authority(), pem, "d-1", 0, 1));
  EXPECT_TRUE(wire::sign_device_certificate(device_authority(), der, "d-1", 0, 1));
}

TEST(DeviceCertificate, request_that_is_wrong_is_refused) {
  const auto key = wire::make_private_key().value();
  const auto der = wire::make_signing_request(key, "d-1").value();
  const auto sign = [](const std::string& request) {
    const auto made = wire::sign_device_certificate(device_authority(), request, "d-1", 0, 1);
    return made ? base::error_code{} : made.error();
  };
  EXPECT_EQ(sign(""), kBad);
  EXPECT_EQ(sign("nonsense"), kBad);
  EXPECT_EQ(sign(der + "x"), kBad);
  EXPECT_EQ(sign(std::string(wire::kMaxSigningRequestBytes + 1, 'x')), kBad);
  auto tampered = der;
  tampered[tampered.find("d-1")] = 'e';  // the request's own signature no longer fits
  EXPECT_EQ(sign(tampered), kBad);
  EXPECT_EQ(wire::make_signing_request("nonsense", "d-1").error(), kBad);
  EXPECT_EQ(wire::read_certificate_info("nonsense").error(), kBad);
  EXPECT_EQ(wire::sign_device_certificate(device_authority(), der, "", 0, 1).error(), kBad);
}

TEST(DeviceCertificate, request_for_another_kind_of_key_is_refused) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-384"), EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), BIO_free_all);
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  const auto request = wire::make_signing_request(std::string(data, static_cast<std::size_t>(size)), "d-1").value();
  EXPECT_EQ(wire::sign_device_certificate(device_authority(), request, "d-1", 0, 1).error(), kBad);
}

/// A hub with an operator's certificate for browsers ("localhost") and its own for devices ("hub-1").
class DeviceTlsTest : public Loopback {
 protected:
  static ServerTls two_chains() {
    static const auto browser_ca = wire::make_certificate_authority("operator's CA").value();
    static const auto browser = wire::make_server_certificate(browser_ca, "localhost", {"localhost"}, 10).value();
    static const auto own = wire::make_server_certificate(authority(), "hub-1", {"hub-1"}, 10).value();
    browser_ca_pem() = browser_ca.certificate_pem;
    const wire::DeviceTls devices{own.certificate_pem + authority().certificate_pem, own.key_pem,
                                  device_authority().certificate_pem};
    return ServerTls::from_pem(browser.certificate_pem, browser.key_pem, devices).value();
  }
  static std::string& browser_ca_pem() {
    static std::string pem;
    return pem;
  }
  static ClientTls::Options as_device() {
    ClientTls::Options options;
    options.ca_pem = authority().certificate_pem;
    options.alpn = wire::kDeviceAlpn;
    options.expected_name = "hub-1";
    return options;
  }
  struct Seen {
    base::error_code client;  // what the client made of the answer
    std::optional<wire::HttpRequest> request;
    std::string alpn;
  };
  /// One request by a client with `options`.
  Seen visit(const ClientTls::Options& options) {
    Seen seen;
    auto server = [&seen, tls = two_chains()](tcp::socket socket) -> asio::awaitable<void> {
      auto http = co_await wire::accept_http(std::move(socket), tls, {});
      if (!http) co_return;
      seen.alpn = (*http)->alpn();
      auto request = co_await (*http)->read();
      if (!request) co_return;
      seen.request = *request;
      wire::HttpResponse response;
      (void)co_await (*http)->write(*request, std::move(response));
    };
    auto client = [&seen, &options, this]() -> asio::awaitable<void> {
      const auto trust = ClientTls::make(options).value();
      auto answer = co_await wire::fetch(fetch_of("GET", "/"), trust);
      if (!answer) seen.client = answer.error();
    };
    io_.restart();
    run(server, client);
    return seen;
  }
  static std::int64_t now_s() { return std::time(nullptr); }
};

TEST(ApprovalCode, binds_the_device_s_key_and_the_hub_s_ca) {
  const auto key = wire::make_private_key().value();
  const auto request = wire::make_signing_request(key, "one").value();
  const std::string ca(64, '1'), other_ca(64, '2');
  const auto code = wire::approval_code(request, ca).value();
  ASSERT_EQ(code.size(), 9u);
  EXPECT_EQ(code[4], '-');
  EXPECT_EQ(code.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ-"), std::string::npos);
  EXPECT_EQ(wire::approval_code(wire::make_signing_request(key, "another name").value(), ca).value(), code);
  EXPECT_EQ(wire::approval_code(wire::signing_request_pem(request).value(), ca).value(), code);
  EXPECT_NE(wire::approval_code(request, other_ca).value(), code);
  const auto stranger = wire::make_signing_request(wire::make_private_key().value(), "one").value();
  EXPECT_NE(wire::approval_code(stranger, ca).value(), code);
  EXPECT_EQ(wire::approval_code(request, "1234").error(), kBad);
  EXPECT_EQ(wire::approval_code("nonsense", ca).error(), kBad);
}

TEST_F(DeviceTlsTest, device_meets_the_hubs_fixed_name_and_shows_its_certificate) {
  auto options = as_device();
  options.key_pem = wire::make_private_key().value();
  options.certificate_pem = signed_by(device_authority(), options.key_pem, now_s() - 60, now_s() + kOneDay);
  const auto seen = visit(options);
  ASSERT_TRUE(seen.request) << seen.client.message();
  EXPECT_EQ(seen.alpn, wire::kDeviceAlpn);
  ASSERT_TRUE(seen.request->certificate);
  EXPECT_EQ(seen.request->certificate->common_name, "d-1");
  EXPECT_EQ(seen.request->certificate->serial_hex,
            wire::read_certificate_info(options.certificate_pem).value().serial_hex);
  EXPECT_FALSE(seen.request->certificate->expired);
}

TEST_F(DeviceTlsTest, device_without_a_certificate_is_let_in) {
  const auto seen = visit(as_device());
  ASSERT_TRUE(seen.request) << seen.client.message();
  EXPECT_FALSE(seen.request->certificate);
}

TEST_F(DeviceTlsTest, device_does_not_take_another_name) {
  auto options = as_device();
  options.expected_name = "hub-2";
  EXPECT_EQ(visit(options).client, base::error_code(wire::errc::host_mismatch));
}

TEST_F(DeviceTlsTest, everyone_else_meets_the_operators_certificate_and_shows_nothing) {
  two_chains();
  ClientTls::Options options;
  options.ca_pem = browser_ca_pem();
  options.key_pem = wire::make_private_key().value();
  options.certificate_pem = signed_by(device_authority(), options.key_pem, now_s() - 60, now_s() + kOneDay);
  const auto seen = visit(options);
  ASSERT_TRUE(seen.request) << seen.client.message();
  EXPECT_EQ(seen.alpn, "http/1.1");
  EXPECT_FALSE(seen.request->certificate);
}

TEST_F(DeviceTlsTest, expired_certificate_is_marked_for_a_year_and_then_refused) {
  auto options = as_device();
  options.key_pem = wire::make_private_key().value();
  options.certificate_pem = signed_by(device_authority(), options.key_pem, now_s() - 10 * kOneDay, now_s() - kOneDay);
  auto seen = visit(options);
  ASSERT_TRUE(seen.request) << seen.client.message();
  ASSERT_TRUE(seen.request->certificate);
  EXPECT_TRUE(seen.request->certificate->expired);
  options.certificate_pem =
      signed_by(device_authority(), options.key_pem, now_s() - 400 * kOneDay, now_s() - 366 * kOneDay);
  seen = visit(options);
  EXPECT_FALSE(seen.request);
  EXPECT_EQ(seen.client, base::error_code(wire::errc::certificate_refused));
}

TEST_F(DeviceTlsTest, certificate_of_another_authority_is_refused) {
  auto options = as_device();
  options.key_pem = wire::make_private_key().value();
  const auto foreign = wire::make_certificate_authority("test device CA").value();  // same name, another key
  for (const auto* ca : {&foreign, &authority()}) {
    options.certificate_pem = signed_by(*ca, options.key_pem, now_s() - 60, now_s() + kOneDay);
    const auto seen = visit(options);
    EXPECT_FALSE(seen.request);
    EXPECT_EQ(seen.client, base::error_code(wire::errc::certificate_refused));
    options.certificate_pem = signed_by(*ca, options.key_pem, now_s() - 10 * kOneDay, now_s() - kOneDay);
    EXPECT_FALSE(visit(options).request) << "expired and foreign";
  }
  // One for servers is not one for devices, whoever signed it.
  const auto server = wire::make_server_certificate(device_authority(), "d-1", {"d-1"}, 10).value();
  options.certificate_pem = server.certificate_pem;
  options.key_pem = server.key_pem;
  EXPECT_FALSE(visit(options).request);
}

TEST_F(DeviceTlsTest, client_judges_at_the_time_it_is_told) {
  auto options = as_device();
  options.verify_at_s = 1'000;  // 1970: the hub's certificate is not valid yet
  EXPECT_EQ(visit(options).client, base::error_code(wire::errc::certificate_untrusted));
  options.verify_at_s = now_s();
  EXPECT_TRUE(visit(options).request);
}

TEST_F(DeviceTlsTest, a_client_without_a_clock_may_take_what_is_not_valid_yet_but_never_what_has_ended) {
  auto options = as_device();
  options.accept_not_yet_valid = true;
  options.verify_at_s = 1'000;
  EXPECT_TRUE(visit(options).request);
  options.verify_at_s = now_s() + 20 * 365 * kOneDay;
  EXPECT_EQ(visit(options).client, base::error_code(wire::errc::certificate_untrusted));
  options.verify_at_s = 1'000;
  options.ca_pem = device_authority().certificate_pem;
  EXPECT_EQ(visit(options).client, base::error_code(wire::errc::certificate_untrusted)) << "still only from a known CA";
}

TEST_F(DeviceTlsTest, half_a_pair_or_a_pair_that_does_not_fit_is_refused) {
  auto options = as_device();
  options.key_pem = wire::make_private_key().value();
  EXPECT_EQ(ClientTls::make(options).error(), kBad);
  options.certificate_pem = signed_by(device_authority(), wire::make_private_key().value(), 0, 1);
  EXPECT_EQ(ClientTls::make(options).error(), kBad);
  const auto own = wire::make_server_certificate(authority(), "hub-1", {"hub-1"}, 10).value();
  wire::DeviceTls devices{own.certificate_pem, own.key_pem, ""};
  EXPECT_EQ(ServerTls::from_pem(own.certificate_pem, own.key_pem, devices).error(), kBad);
}

TEST_F(DeviceTlsTest, handshake_outlives_the_settings_it_began_with) {
  SSL* ssl = nullptr;
  {
    const auto tls = two_chains();
    ssl = SSL_new(tls.native());
  }
  SSL_free(ssl);  // under a sanitizer: neither context is used after its end, nor leaked
}

}  // namespace
}  // namespace wire_test
