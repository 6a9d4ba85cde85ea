#include "wire/certificate_parts.h"

#include <openssl/err.h>
#include <openssl/rand.h>

#include <ctime>

#include "wire/errc.h"

namespace wire::openssl {
namespace {

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

std::string key_text(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

std::string certificate_text(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return text_of(bio.get());
}

Number random_serial() {
  unsigned char serial[16];
  if (RAND_bytes(serial, sizeof serial) != 1) return nullptr;
  serial[0] &= 0x7f;
  serial[0] |= 0x40;
  return Number(BN_bin2bn(serial, sizeof serial, nullptr));
}

Certificate blank_certificate(EVP_PKEY* key, const std::string& common_name, std::int64_t not_before_s,
                              std::int64_t not_after_s) {
  Certificate certificate(X509_new());
  const Number number = random_serial();
  if (!certificate || !number) return nullptr;
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get()));
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), static_cast<time_t>(not_before_s));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), static_cast<time_t>(not_after_s));
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  return certificate;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

Key make_key() {
  return Key(EVP_EC_gen("P-256"));
}

Key read_key(const std::string& pem) {
  const Bio bio = reader(pem);
  Key key = read_private_key(bio.get());
  ERR_clear_error();
  return key;
}

Certificate read_certificate_text(const std::string& pem) {
  const Bio bio = reader(pem);
  auto certificate = read_certificate(bio.get());
  ERR_clear_error();
  return certificate;
}

base::Result<CertificateInfo> info_of(X509* certificate) {
  std::tm from{}, until{};
  const Number serial(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  char* const digits = serial ? BN_bn2hex(serial.get()) : nullptr;
  const bool is_dated = ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &from) == 1 &&
                        ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &until) == 1;
  ERR_clear_error();
  if (digits == nullptr || !is_dated) {
    OPENSSL_free(digits);
    return wire::errc::bad_certificate;
  }
  CertificateInfo info;
  for (const char* digit = digits; *digit != '\0'; ++digit) {
    info.serial_hex += *digit >= 'A' && *digit <= 'F' ? static_cast<char>(*digit - 'A' + 'a') : *digit;
  }
  OPENSSL_free(digits);
  char name[65] = "";  // the longest common name that X.509 knows
  if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name) > 0) {
    info.common_name = name;
  }
  info.not_before_s = std::int64_t{::timegm(&from)};
  info.not_after_s = std::int64_t{::timegm(&until)};
  return info;
}

}  // namespace wire::openssl
