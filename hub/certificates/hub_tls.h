// What the hub shows to whom on its one port, over the years.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/certificates/hub_certificates.h"
#include "hub/certificates/operator_certificate.h"
#include "hub/core/ca_bundle.h"

namespace hub {

/// The hub's own certificates and the operator's, renewed and reloaded while the hub runs. Devices, who offer
/// wire::kDeviceAlpn, always meet the hub's own; everyone else meets the operator's where there is one. Made before
/// the I/O threads, then of the control thread only; bundle() is for any.
class HubTls {
 public:
  struct Options {
    std::string folder;  // DATA/tls
    std::string hub_id;
    std::function<std::vector<std::string>()> names;  // asked at each look: addresses come and go
    std::string certificate_file, key_file;           // the operator's; both or neither
  };
  static Outcome<std::unique_ptr<HubTls>> open(Options options, std::int64_t now_us,
                                               std::shared_ptr<spdlog::logger> log);

  const HubCertificates& own() const { return own_; }
  const CaBundle& bundle() const { return bundle_; }
  Outcome<wire::ServerTls> server_tls() const;

  /// Each second or so. What is new for connections to come; nothing where all is as it was. The operator's files are
  /// looked at each time, the hub's own certificates once an hour. What cannot be used is logged, and the old goes on.
  std::optional<wire::ServerTls> look(std::int64_t now_us);

 private:
  HubTls(Options options, std::shared_ptr<spdlog::logger> log);
  Outcome<bool> open_own(std::int64_t now_us);
  std::optional<wire::ServerTls> usable() const;

  const Options options_;
  const std::shared_ptr<spdlog::logger> log_;
  HubCertificates own_;
  CaBundle bundle_;
  std::optional<OperatorCertificate> operators_;
  std::int64_t looked_us_ = 0;
};

}  // namespace hub
