// Identity's device certificates: signed, looked up, renewed. What changes does so on control.
#include <algorithm>
#include <mutex>
#include <shared_mutex>

#include "hub/identity/identity_state.h"
#include "wire/device_certificate.h"

namespace hub {
namespace {

constexpr std::string_view kKeyPrefix = "certificate ";  // of Principal::session_key; a token's is 64 hex digits
constexpr std::int64_t kSecond_us = 1'000'000;
// The hub's clock may be set back by a little after it has signed.
constexpr std::int64_t kBackdated_s = 300;

Principal holder_of(const CertificateRecord& certificate, std::int64_t now_us) {
  Principal who;
  who.name = certificate.device.str();
  who.device = certificate.device;
  who.session_key = std::string(kKeyPrefix) + certificate.serial_hex;
  who.credential_id = certificate.serial_hex;
  who.ends_us = certificate.not_after_us;
  who.may_only_renew = now_us >= certificate.not_after_us;
  return who;
}

}  // namespace

void Identity::issue_certificates_with(wire::KeyAndCertificate device_ca, std::int64_t lifetime_us) {
  state_->control.post([state = state_, device_ca = std::move(device_ca), lifetime_us]() mutable {
    state->device_ca = std::move(device_ca);
    state->certificate_lifetime_us = lifetime_us;
  });
}

Outcome<std::string> Identity::State::sign_certificate(const std::string& signing_request,
                                                       CertificateRecord& record) const {
  if (device_ca.key_pem.empty()) return Problem{errc::unavailable, "This hub signs no certificates now.", "/csr"};
  record.created_us = clock.now_us();
  const std::int64_t now_s = record.created_us / kSecond_us;
  const std::int64_t backdated_s = std::min(kBackdated_s, certificate_lifetime_us / kSecond_us / 10);
  const auto signed_pem =
      wire::sign_device_certificate(device_ca, signing_request, record.device.str(), now_s - backdated_s,
                                    now_s + certificate_lifetime_us / kSecond_us);
  const auto info = signed_pem ? wire::read_certificate_info(*signed_pem) : signed_pem.error();
  if (!info) {
    return Problem{errc::invalid_argument,
                   "The signing request must be PKCS #10 for a P-256 key, signed with that key.", "/csr"};
  }
  record.serial_hex = info->serial_hex;
  record.not_before_us = info->not_before_s * kSecond_us;
  record.not_after_us = info->not_after_s * kSecond_us;
  return *signed_pem + device_ca.certificate_pem;
}

std::optional<Principal> Identity::State::device_of_certificate(const std::string& session_key) const {
  if (!session_key.starts_with(kKeyPrefix)) return std::nullopt;
  const auto found = certificates.find(session_key.substr(kKeyPrefix.size()));
  if (found == certificates.end()) return std::nullopt;
  return holder_of(found->second, clock.now_us());
}

std::optional<Principal> Identity::device_by_certificate(const std::string& serial_hex) {
  const std::int64_t now_us = state_->clock.now_us();
  Principal who;
  bool is_used = false;
  {
    const std::shared_lock lock(state_->mutex);
    const auto found = state_->certificates.find(serial_hex);
    if (found == state_->certificates.end()) return std::nullopt;
    if (now_us >= found->second.not_after_us + wire::kRenewableAfterExpiry_s * kSecond_us) return std::nullopt;
    who = holder_of(found->second, now_us);
    is_used = found->second.used_us != 0;
  }
  // Where control is busy the next use tells again; until then the older credential just goes on.
  if (!is_used && !who.may_only_renew) {
    (void)state_->control.try_post([state = state_, serial_hex] { state->use_certificate(serial_hex); });
  }
  return who;
}

void Identity::State::use_certificate(const std::string& serial_hex) {
  const auto found = certificates.find(serial_hex);
  if (found == certificates.end() || found->second.used_us != 0) return;
  CertificateRecord used = found->second;
  used.used_us = clock.now_us();
  if (!store.use_certificate(used, used.used_us)) return;
  const std::unique_lock lock(mutex);
  std::erase_if(certificates, [&used](const auto& held) {
    return held.second.device == used.device && held.first != used.serial_hex;
  });
  device_tokens.erase(used.retires_token);
  certificates[serial_hex] = std::move(used);
}

void Identity::renew_certificate(std::string serial_hex, std::string signing_request, Answer<std::string> answer) {
  answer_on_control<std::string>(
      state_->control, std::move(answer),
      [state = state_, serial_hex = std::move(serial_hex), signing_request = std::move(signing_request)] {
        return state->renew_certificate(serial_hex, signing_request);
      });
}

Outcome<std::string> Identity::State::renew_certificate(const std::string& serial_hex,
                                                        const std::string& signing_request) {
  const auto found = certificates.find(serial_hex);
  const std::int64_t renewable_us = wire::kRenewableAfterExpiry_s * kSecond_us;
  if (found == certificates.end() || clock.now_us() >= found->second.not_after_us + renewable_us) {
    return Problem{errc::unauthenticated, "This certificate is not known or was revoked.", ""};
  }
  CertificateRecord successor;
  successor.device = found->second.device;
  // Expired before it was ever used: its token was not retired yet.
  if (found->second.used_us == 0) successor.retires_token = found->second.retires_token;
  auto chain = sign_certificate(signing_request, successor);
  if (!chain) return chain;
  if (auto done = store.put_certificate(successor, serial_hex); !done) return credentials_not_stored(done.error());
  const std::unique_lock lock(mutex);
  std::erase_if(certificates, [&](const auto& held) {
    return held.second.device == successor.device && held.second.used_us == 0 && held.first != serial_hex;
  });
  auto serial = successor.serial_hex;
  certificates.emplace(std::move(serial), std::move(successor));
  return chain;
}

}  // namespace hub
