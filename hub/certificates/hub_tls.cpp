#include "hub/certificates/hub_tls.h"

#include <tuple>
#include <utility>

namespace hub {
namespace {

constexpr std::int64_t kLookEvery_us = 3'600'000'000LL;

}  // namespace

HubTls::HubTls(Options options, std::shared_ptr<spdlog::logger> log)
    : options_(std::move(options)), log_(std::move(log)) {}

Outcome<std::unique_ptr<HubTls>> HubTls::open(Options options, std::int64_t now_us,
                                              std::shared_ptr<spdlog::logger> log) {
  std::unique_ptr<HubTls> made(new HubTls(std::move(options), std::move(log)));
  HubTls& tls = *made;
  if (auto opened = tls.open_own(now_us); !opened) return opened.error();
  if (tls.own_.issued) tls.log_->info("a server certificate was made; its CA is {}", tls.own_.ca_sha256_hex);
  const auto& [certificate_file, key_file] = std::tie(tls.options_.certificate_file, tls.options_.key_file);
  if (certificate_file.empty() != key_file.empty()) {
    return Problem{errc::invalid_argument, "tls.certificate_file and tls.key_file belong together: one is missing", ""};
  }
  if (!certificate_file.empty()) {
    tls.operators_.emplace(certificate_file, key_file);
    // Later a bad pair leaves the one before in use; at the start there is none, and browsers would be warned.
    if (tls.operators_->look() != OperatorCertificate::Look::changed) {
      return Problem{errc::invalid_argument, tls.operators_->problem(), ""};
    }
  }
  return made;
}

Outcome<bool> HubTls::open_own(std::int64_t now_us) {
  auto now = open_certificates(options_.folder, options_.hub_id, options_.names(), now_us);
  if (!now) return now.error();
  looked_us_ = now_us;
  const bool changed = now->issued || now->ca_bundle_pem != own_.ca_bundle_pem ||
                       now->device_ca_bundle_pem != own_.device_ca_bundle_pem ||
                       now->device_ca.certificate_pem != own_.device_ca.certificate_pem;
  own_ = std::move(*now);
  if (changed) bundle_.set({own_.ca_bundle_pem, wire::sha256(own_.ca_bundle_pem), own_.ca_sha256_hex});
  return changed;
}

Outcome<wire::ServerTls> HubTls::server_tls() const {
  const wire::DeviceTls devices{own_.chain_pem, own_.key_pem, own_.device_ca_bundle_pem};
  const auto* shown = operators_ && operators_->pair() ? &*operators_->pair() : nullptr;
  auto tls = wire::ServerTls::from_pem(shown != nullptr ? shown->certificate_pem : own_.chain_pem,
                                       shown != nullptr ? shown->key_pem : own_.key_pem, devices);
  if (tls) return *tls;
  return Problem{errc::storage_damaged, options_.folder + "/server.pem cannot be used: " + tls.error().message(), ""};
}

std::optional<wire::ServerTls> HubTls::usable() const {
  auto tls = server_tls();
  if (tls) return *tls;
  log_->error("{}; the certificates before it go on", tls.error().detail);
  return std::nullopt;
}

std::optional<wire::ServerTls> HubTls::look(std::int64_t now_us) {
  bool changed = false;
  if (operators_) {
    switch (operators_->look()) {
      case OperatorCertificate::Look::same:
        break;
      case OperatorCertificate::Look::changed:
        changed = true;
        log_->info("{} was replaced: new connections see the new certificate", options_.certificate_file);
        break;
      case OperatorCertificate::Look::bad:
        log_->error("{}; the certificate before it goes on", operators_->problem());
        break;
    }
  }
  // A clock that was set back must not keep the hub from looking.
  if (now_us - looked_us_ >= kLookEvery_us || now_us < looked_us_) {
    looked_us_ = now_us;
    const std::string bundle_before = own_.ca_bundle_pem;
    const auto own = open_own(now_us);
    if (!own) {
      log_->error("the server certificate cannot be looked after: {}", own.error().detail);
    } else if (*own) {
      changed = true;
      if (own_.issued)
        log_->info("a new server certificate is in use: its names or CA changed, or it was about to end");
      if (own_.ca_bundle_pem != bundle_before)
        log_->info("the next CA is ready: devices learn it at their next connection");
    }
  }
  return changed ? usable() : std::nullopt;
}

}  // namespace hub
