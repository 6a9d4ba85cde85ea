#include "hub/certificates/operator_certificate.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "hub/core/text_file.h"
#include "wire/device_certificate.h"

namespace hub {
namespace {

/// Which file it is, how long, and when it was last written: certbot replaces links, others write in place.
std::string appearance(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::strerror(errno);
  std::string text;
  for (const auto part : {static_cast<long long>(status.st_dev), static_cast<long long>(status.st_ino),
                          static_cast<long long>(status.st_size), static_cast<long long>(status.st_mtim.tv_sec),
                          static_cast<long long>(status.st_mtim.tv_nsec)}) {
    text += std::to_string(part) + ":";
  }
  return text;
}

Outcome<std::string> read(const std::string& path) {
  struct stat status {};
  const bool is_there = ::stat(path.c_str(), &status) == 0;
  if (!is_there) return Problem{errc::not_found, path + ": " + std::strerror(errno), ""};
  if (!S_ISREG(status.st_mode)) return Problem{errc::invalid_argument, path + ": not a file", ""};
  if (static_cast<std::size_t>(status.st_size) > OperatorCertificate::kMaxFileBytes) {
    return Problem{errc::invalid_argument, path + ": longer than 256 KiB, so no certificate or key", ""};
  }
  auto text = read_text_file(path);
  if (!text) return Problem{errc::invalid_argument, path + ": cannot be read: " + std::strerror(errno), ""};
  return std::move(*text);
}

}  // namespace

OperatorCertificate::OperatorCertificate(std::string certificate_file, std::string key_file)
    : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {}

OperatorCertificate::Look OperatorCertificate::look() {
  std::string now = appearance(certificate_file_) + appearance(key_file_);
  if (now == seen_) return Look::same;
  seen_ = std::move(now);
  const auto bad = [this](std::string why) {
    problem_ = std::move(why);
    return Look::bad;
  };
  auto certificate = read(certificate_file_);
  if (!certificate) return bad(certificate.error().detail);
  auto key = read(key_file_);
  if (!key) return bad(key.error().detail);
  if (!wire::read_certificate_info(*certificate)) return bad(certificate_file_ + ": no certificate in PEM");
  if (!wire::key_fits_certificate(*key, *certificate)) {
    return bad(key_file_ + ": not the private key, in PEM and without a passphrase, of " + certificate_file_);
  }
  if (!wire::ServerTls::from_pem(*certificate, *key)) {
    return bad(certificate_file_ + ": TLS 1.2 and later cannot use this certificate or key");
  }
  problem_.clear();
  if (pair_ && pair_->certificate_pem == *certificate && pair_->key_pem == *key) return Look::same;
  pair_ = wire::KeyAndCertificate{std::move(*key), std::move(*certificate)};
  return Look::changed;
}

}  // namespace hub
