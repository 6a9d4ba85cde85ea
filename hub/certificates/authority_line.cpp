#include "hub/certificates/authority_line.h"

#include <utility>

#include "hub/core/text_file.h"
#include "wire/device_certificate.h"

namespace hub {
namespace {

Problem unusable(const std::string& path, const std::string& cause) {
  return {errc::storage_damaged, path + ": " + cause, ""};
}

Outcome<wire::KeyAndCertificate> make_authority(const std::string& file, const std::string& common_name,
                                                std::int64_t now_s) {
  auto made = wire::make_certificate_authority(common_name, now_s);
  if (!made) return unusable(file + ".pem", "cannot be made: " + made.error().message());
  // The key first: a key without a certificate is harmless after a crash.
  if (auto done = write_text_file(file + ".key", made->key_pem, 0600); !done) return done.error();
  if (auto done = write_text_file(file + ".pem", made->certificate_pem, 0644); !done) return done.error();
  return *made;
}

}  // namespace

Outcome<AuthorityLine> AuthorityLine::open(const std::string& file, const std::string& common_name,
                                           std::int64_t now_s) {
  AuthorityLine line;
  for (std::size_t n = 1; n <= kMost; ++n) {
    const std::string stem = n == 1 ? file : file + "-" + std::to_string(n);
    auto pem = read_text_file(stem + ".pem");
    auto key = read_text_file(stem + ".key");
    if (pem && !key) {
      return unusable(stem + ".key",
                      "is missing or unreadable, but " + stem +
                          ".pem is there; devices trust that CA, so put its key back, or move both away for a new one");
    }
    wire::KeyAndCertificate pair;
    if (pem) {
      pair = {std::move(*key), std::move(*pem)};
    } else {
      if (!line.members_.empty() && line.members_.back().not_after_s - now_s >= kOverlap_s) break;
      // Two of one name are hard to tell apart where people look at them.
      auto made = make_authority(stem, n == 1 ? common_name : common_name + " " + std::to_string(n), now_s);
      if (!made) return made.error();
      pair = std::move(*made);
    }
    const auto info = wire::read_certificate_info(pair.certificate_pem);
    if (!info) return unusable(stem + ".pem", "is not a certificate");
    if (!wire::key_fits_certificate(pair.key_pem, pair.certificate_pem)) {
      return unusable(stem + ".key", "is not the key of " + stem + ".pem");
    }
    line.members_.push_back({std::move(pair), info->not_before_s, info->not_after_s});
  }
  return line;
}

const wire::KeyAndCertificate& AuthorityLine::signer_once_known(std::int64_t now_s) const {
  for (auto member = members_.begin(); member != members_.end(); ++member) {
    if (member->not_after_s - now_s > kHandOver_s) return member->pair;
    const auto next = member + 1;
    const bool is_news = next == members_.end() || now_s - next->not_before_s < kKnown_s;
    if (is_news && member->not_after_s > now_s) return member->pair;
  }
  return newest(now_s);
}

const wire::KeyAndCertificate& AuthorityLine::newest(std::int64_t now_s) const {
  for (auto member = members_.rbegin(); member != members_.rend(); ++member) {
    if (member->not_before_s <= now_s) return member->pair;
  }
  return members_.front().pair;
}

std::string AuthorityLine::bundle_pem() const {
  std::string all;
  for (const auto& member : members_) all += member.pair.certificate_pem;
  return all;
}

}  // namespace hub
