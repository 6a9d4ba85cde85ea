#include "device-agent/link/credential_keeper.h"

#include <algorithm>
#include <utility>

#include "wire/device_certificate.h"
#include "wire/tls_context.h"

namespace agent {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kFloorStepUs = 86'400 * kSecondUs;  // an SD card is spared
constexpr std::size_t kMaxBundleBytes = 64 * 1024;

/// When two thirds of the certificate's life are over, Unix µs; 0 where there is none that can be read.
std::int64_t renewal_time_us(const Credential& credential) {
  if (credential.certificate_pem.empty()) return 0;
  const auto info = wire::read_certificate_info(credential.certificate_pem);
  if (!info) return 0;
  return (info->not_before_s + (info->not_after_s - info->not_before_s) * 2 / 3) * kSecondUs;
}

}  // namespace

CredentialKeeper::CredentialKeeper(Credential credential, Save save, const base::Clock& clock,
                                   std::shared_ptr<spdlog::logger> log)
    : credential_(std::move(credential)),
      save_(std::move(save)),
      clock_(clock),
      log_(std::move(log)),
      hub_time_(clock),
      renew_at_us_(renewal_time_us(credential_)) {}

std::string CredentialKeeper::ca_bundle_sha256() const {
  return wire::sha256(credential_.ca_pem);
}

HandshakeTime CredentialKeeper::handshake_time() const {
  HandshakeTime time;
  if (clock_.synchronised()) return time;
  time.verify_at_s = credential_.time_floor_us / kSecondUs;
  time.accept_not_yet_valid = true;
  return time;
}

void CredentialKeeper::welcomed(const telemetry::v1::Welcome& welcome) {
  Credential changed = credential_;
  const char* what = nullptr;
  hub_time_.begin(welcome.server_time_us());
  const auto hub_us = static_cast<std::int64_t>(hub_time_.now_us().value_or(0));
  if (hub_us - credential_.time_floor_us >= kFloorStepUs) {
    changed.time_floor_us = hub_us;
    what = "the time that the hub told";
  }
  const std::string& bundle = welcome.ca_bundle_pem();
  if (!bundle.empty() && bundle != credential_.ca_pem) {
    if (bundle.size() <= kMaxBundleBytes && wire::certificate_sha256(bundle)) {
      changed.ca_pem = bundle;
      what = "the hub's new CA bundle";
    } else {
      log_->error("the hub sent a CA bundle that cannot be read; the old one stays");
    }
  }
  if (what != nullptr && save(std::move(changed), what)) log_->debug("kept {}", what);
}

std::optional<telemetry::v1::RenewCertificate> CredentialKeeper::due() {
  const auto now_us = hub_time_.now_us();
  if (renew_at_us_ == 0 || !now_us || !pending_key_.empty()) return std::nullopt;
  if (*now_us < static_cast<double>(renew_at_us_) || clock_.boot_us() < not_before_boot_us_) return std::nullopt;
  return request();
}

std::optional<telemetry::v1::RenewCertificate> CredentialKeeper::request() {
  if (credential_.certificate_pem.empty()) return std::nullopt;
  try_again_later();
  auto key = wire::make_private_key();
  auto csr = key ? wire::make_signing_request(*key, credential_.device_id) : base::Result<std::string>(key.error());
  if (!csr) {
    log_->error("cannot make a key for a new certificate: {}", csr.error().message());
    return std::nullopt;
  }
  pending_key_ = std::move(*key);
  telemetry::v1::RenewCertificate message;
  message.set_csr_der(std::move(*csr));
  return message;
}

void CredentialKeeper::renewed(const telemetry::v1::RenewedCertificate& answer) {
  const std::string key = std::exchange(pending_key_, {});
  if (key.empty()) {
    log_->warn("the hub sent a certificate that was not asked for");
    return;
  }
  if (!answer.problem().empty()) {
    log_->error("the hub did not renew the certificate: {}; asking again in an hour", answer.problem());
    return;
  }
  if (!wire::key_fits_certificate(key, answer.certificate_pem())) {
    log_->error("the hub sent a certificate that does not fit the key; asking again in an hour");
    return;
  }
  Credential changed = credential_;
  changed.key_pem = key;
  changed.certificate_pem = answer.certificate_pem();
  changed.token.clear();
  if (!save(std::move(changed), "the renewed certificate")) return;
  renew_at_us_ = renewal_time_us(credential_);
  not_before_boot_us_ = 0;
  log_->info("the certificate was renewed; it is used from the next connection on");
}

bool CredentialKeeper::save(Credential changed, const char* what) {
  if (const auto saved = save_(changed); !saved) {
    log_->error("cannot save {}: {}", what, saved.error().message());
    return false;
  }
  credential_ = std::move(changed);
  return true;
}

}  // namespace agent
