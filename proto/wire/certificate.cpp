// Making and reading certificates: the hub's own CA and what it signs.
#include <arpa/inet.h>

#include <algorithm>
#include <ctime>

#include "base/bytes.h"
#include "wire/certificate_parts.h"
#include "wire/errc.h"
#include "wire/tls_context.h"

namespace wire {
namespace {

using base::Result;
using openssl::add_extension;
using openssl::Certificate;
using openssl::certificate_text;
using openssl::Key;
using openssl::key_text;

/// Valid from yesterday (clocks differ) for `days`.
Certificate blank(EVP_PKEY* key, const std::string& common_name, int days, std::int64_t now_s) {
  if (now_s == 0) now_s = std::time(nullptr);
  return openssl::blank_certificate(key, common_name, now_s - 86'400, now_s + days * std::int64_t{86'400});
}

/// A comma would begin another entry of the extension's text.
bool is_plain(const std::string& name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return c > ' ' && c < 0x7f && c != ','; });
}

std::string alternative_names(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) {
    unsigned char address[16];
    const bool is_address =
        ::inet_pton(AF_INET, name.c_str(), address) == 1 || ::inet_pton(AF_INET6, name.c_str(), address) == 1;
    out += (out.empty() ? "" : ",") + std::string(is_address ? "IP:" : "DNS:") + name;
  }
  return out;
}

}  // namespace

Result<KeyAndCertificate> make_certificate_authority(const std::string& common_name, std::int64_t now_s) {
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return errc::bad_certificate;
  const Certificate ca = blank(key.get(), common_name, 3'650, now_s);
  if (!ca || X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get())) != 1) return errc::bad_certificate;
  if (!add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(ca.get(), ca.get(), NID_subject_key_identifier, "hash") ||
      !add_extension(ca.get(), ca.get(), NID_authority_key_identifier, "keyid:always") ||
      X509_sign(ca.get(), key.get(), EVP_sha256()) == 0) {
    return errc::bad_certificate;
  }
  return KeyAndCertificate{key_text(key.get()), certificate_text(ca.get())};
}

Result<KeyAndCertificate> make_server_certificate(const KeyAndCertificate& ca, const std::string& common_name,
                                                  const std::vector<std::string>& names, int days, std::int64_t now_s) {
  const openssl::Bio ca_key_bio = openssl::reader(ca.key_pem);
  const openssl::Bio ca_bio = openssl::reader(ca.certificate_pem);
  const Key ca_key = openssl::read_private_key(ca_key_bio.get());
  const Certificate issuer = openssl::read_certificate(ca_bio.get());
  const Key key(EVP_EC_gen("P-256"));
  if (!ca_key || !issuer || !key || names.empty() || !std::all_of(names.begin(), names.end(), is_plain)) {
    return errc::bad_certificate;
  }
  const Certificate leaf = blank(key.get(), common_name, days, now_s);
  if (!leaf || X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer.get())) != 1) return errc::bad_certificate;
  if (!add_extension(leaf.get(), issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(leaf.get(), issuer.get(), NID_key_usage, "critical,digitalSignature") ||
      !add_extension(leaf.get(), issuer.get(), NID_ext_key_usage, "serverAuth") ||
      !add_extension(leaf.get(), issuer.get(), NID_subject_key_identifier, "hash") ||
      !add_extension(leaf.get(), issuer.get(), NID_authority_key_identifier, "keyid:always") ||
      !add_extension(leaf.get(), issuer.get(), NID_subject_alt_name, alternative_names(names)) ||
      X509_sign(leaf.get(), ca_key.get(), EVP_sha256()) == 0) {
    return errc::bad_certificate;
  }
  return KeyAndCertificate{key_text(key.get()), certificate_text(leaf.get())};
}

Result<std::string> certificate_sha256(const std::string& certificate_pem) {
  const openssl::Bio bio = openssl::reader(certificate_pem);
  const Certificate certificate = openssl::read_certificate(bio.get());
  unsigned char digest[32];
  unsigned size = sizeof digest;
  if (!certificate || X509_digest(certificate.get(), EVP_sha256(), digest, &size) != 1) return errc::bad_certificate;
  return base::to_hex(std::span<const std::uint8_t>(digest, size));
}

Result<std::int64_t> certificate_expiry(const std::string& certificate_pem) {
  const openssl::Bio bio = openssl::reader(certificate_pem);
  const Certificate certificate = openssl::read_certificate(bio.get());
  std::tm when{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &when) != 1) return errc::bad_certificate;
  return std::int64_t{::timegm(&when)};
}

}  // namespace wire
