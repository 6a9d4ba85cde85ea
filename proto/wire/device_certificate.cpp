#include "wire/device_certificate.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>

#include "base/bytes.h"
#include "wire/certificate_parts.h"
#include "wire/errc.h"

namespace wire {
namespace {

using base::Result;
using Request = std::unique_ptr<X509_REQ, openssl::Deleter<&X509_REQ_free>>;

Request read_request(std::string_view text) {
  if (text.empty() || text.size() > kMaxSigningRequestBytes) return nullptr;
  const std::string copy(text);
  Request request;
  if (text.starts_with("-----BEGIN")) {
    const openssl::Bio bio = openssl::reader(copy);
    request.reset(PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
  } else {
    const auto* bytes = reinterpret_cast<const unsigned char*>(copy.data());
    const auto* const end = bytes + copy.size();
    request.reset(d2i_X509_REQ(nullptr, &bytes, static_cast<long>(copy.size())));
    if (bytes != end) request.reset();
  }
  ERR_clear_error();
  return request;
}

bool is_p256(EVP_PKEY* key) {
  char group[32] = "";
  std::size_t size = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
         std::string_view(group, size) == "prime256v1";
}

}  // namespace

Result<std::string> approval_code(std::string_view request_text, const std::string& ca_sha256_hex) {
  const Request request = read_request(request_text);
  EVP_PKEY* const key = request ? X509_REQ_get0_pubkey(request.get()) : nullptr;
  const bool is_proved = key != nullptr && is_p256(key) && X509_REQ_verify(request.get(), key) == 1;
  const auto ca = base::from_hex(ca_sha256_hex);
  unsigned char* der = nullptr;
  const int size = is_proved ? i2d_PUBKEY(key, &der) : -1;
  ERR_clear_error();
  if (size <= 0 || !ca || ca->size() != 32) {
    OPENSSL_free(der);
    return errc::bad_certificate;
  }
  const std::string digest =
      sha256(std::string(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)) + *ca);
  OPENSSL_free(der);
  // Crockford's letters: no I, L, O, U.
  constexpr std::string_view kLetters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::uint64_t bits = 0;
  for (int i = 0; i < 5; ++i) bits = bits << 8 | static_cast<unsigned char>(digest[static_cast<std::size_t>(i)]);
  std::string code;
  for (int i = 0; i < 8; ++i) {
    if (i == 4) code += '-';
    code += kLetters[bits >> (35 - 5 * i) & 31];
  }
  return code;
}

Result<std::string> make_private_key() {
  const openssl::Key key = openssl::make_key();
  if (!key) return errc::bad_certificate;
  return openssl::key_text(key.get());
}

Result<std::string> make_signing_request(const std::string& key_pem, const std::string& common_name) {
  const openssl::Key key = openssl::read_key(key_pem);
  const Request request(X509_REQ_new());
  if (!key || !request) return errc::bad_certificate;
  X509_REQ_set_version(request.get(), X509_REQ_VERSION_1);
  X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  unsigned char* der = nullptr;
  const bool is_signed =
      X509_REQ_set_pubkey(request.get(), key.get()) == 1 && X509_REQ_sign(request.get(), key.get(), EVP_sha256()) != 0;
  const int size = is_signed ? i2d_X509_REQ(request.get(), &der) : -1;
  ERR_clear_error();
  if (size <= 0) return errc::bad_certificate;
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

Result<std::string> signing_request_pem(std::string_view request_der) {
  const Request request = read_request(request_der);
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  if (!request || PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1) return errc::bad_certificate;
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

Result<std::string> sign_device_certificate(const KeyAndCertificate& device_ca, std::string_view request_text,
                                            const std::string& common_name, std::int64_t not_before_s,
                                            std::int64_t not_after_s) {
  const openssl::Key ca_key = openssl::read_key(device_ca.key_pem);
  const openssl::Certificate issuer = openssl::read_certificate_text(device_ca.certificate_pem);
  const Request request = read_request(request_text);
  EVP_PKEY* const key = request ? X509_REQ_get0_pubkey(request.get()) : nullptr;
  // Its own signature proves that whoever asks has the key.
  const bool is_proved = key != nullptr && is_p256(key) && X509_REQ_verify(request.get(), key) == 1;
  ERR_clear_error();
  if (!ca_key || !issuer || !is_proved || common_name.empty()) return errc::bad_certificate;
  const auto ca = openssl::info_of(issuer.get());
  if (!ca) return ca.error();
  const auto leaf = openssl::blank_certificate(key, common_name, not_before_s, std::min(not_after_s, ca->not_after_s));
  if (!leaf || X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer.get())) != 1 ||
      !openssl::add_extension(leaf.get(), issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !openssl::add_extension(leaf.get(), issuer.get(), NID_key_usage, "critical,digitalSignature") ||
      !openssl::add_extension(leaf.get(), issuer.get(), NID_ext_key_usage, "clientAuth") ||
      !openssl::add_extension(leaf.get(), issuer.get(), NID_subject_key_identifier, "hash") ||
      !openssl::add_extension(leaf.get(), issuer.get(), NID_authority_key_identifier, "keyid:always") ||
      X509_sign(leaf.get(), ca_key.get(), EVP_sha256()) == 0) {
    ERR_clear_error();
    return errc::bad_certificate;
  }
  return openssl::certificate_text(leaf.get());
}

Result<CertificateInfo> read_certificate_info(const std::string& certificate_pem) {
  const auto certificate = openssl::read_certificate_text(certificate_pem);
  if (!certificate) return errc::bad_certificate;
  return openssl::info_of(certificate.get());
}

bool key_fits_certificate(const std::string& key_pem, const std::string& certificate_pem) {
  const openssl::Key key = openssl::read_key(key_pem);
  const auto certificate = openssl::read_certificate_text(certificate_pem);
  const bool fits = key && certificate && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  return fits;
}

}  // namespace wire
