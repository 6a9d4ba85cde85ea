// The device's credential as it changes: renewed before it ends, the hub's CAs followed, the time floor kept.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "device-agent/link/credential.h"
#include "device-agent/link/hub_connection.h"
#include "telemetry/v1/device.pb.h"
#include "wire/hub_time.h"

namespace agent {

/// Lives on the agent's thread; owns the one current Credential. Everything that changes in it is saved first and used
/// afterwards: what cannot be saved is not used, and is asked for again. A certificate is renewed when two thirds of
/// its life are over by the hub's clock (this machine's may be wrong); the key of a request under way is only in
/// memory, since a lost answer is simply asked for again: the hub keeps the old certificate until the new one is used.
class CredentialKeeper {
 public:
  using Save = std::function<base::Result<void>(const Credential&)>;

  CredentialKeeper(Credential credential, Save save, const base::Clock& clock, std::shared_ptr<spdlog::logger> log);

  const Credential& current() const { return credential_; }
  /// SHA-256 of the CA bundle, for Hello.
  std::string ca_bundle_sha256() const;
  /// A clock that is not synchronised may say 1970 or the time of the last shutdown. Then the hub's certificate is
  /// judged at the latest time that the hub itself has told, and may be younger than that. It must not have ended
  /// before: an old stolen key does not become good again by a flat battery.
  HandshakeTime handshake_time() const;

  /// The hub's time raises the floor (saved at most once a day) and its CA bundle, where it sent one, replaces ours.
  void welcomed(const telemetry::v1::Welcome& welcome);
  /// The request to send now, where one is due and none is under way. Of a session that was welcomed.
  std::optional<telemetry::v1::RenewCertificate> due();
  /// The request at any time: for a session that may do nothing else. Nothing where there is no certificate to renew.
  std::optional<telemetry::v1::RenewCertificate> request();
  void renewed(const telemetry::v1::RenewedCertificate& answer);
  /// The answer of a request under way is not to come any more.
  void disconnected() { pending_key_.clear(); }

 private:
  bool save(Credential changed, const char* what);
  void try_again_later() { not_before_boot_us_ = clock_.boot_us() + kRetry_us; }

  static constexpr std::int64_t kRetry_us = 3'600'000'000LL;  // after a renewal that failed

  Credential credential_;
  const Save save_;
  const base::Clock& clock_;
  std::shared_ptr<spdlog::logger> log_;
  std::string pending_key_;  // of the request under way
  wire::HubTime hub_time_;
  std::int64_t renew_at_us_ = 0;  // by the hub's clock; 0: there is no certificate
  std::int64_t not_before_boot_us_ = 0;
};

}  // namespace agent
