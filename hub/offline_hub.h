// A data folder worked on by the command line while no hub serves it.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "base/worker.h"
#include "hub/admin_operations.h"
#include "hub/certificates/hub_certificates.h"
#include "hub/data_folder.h"
#include "hub/settings.h"
#include "hub/storage/sqlite/hub_database.h"

namespace hub {

/// Holds the folder's lock while it lives, so that no hub starts meanwhile. Used from one thread; ends with its scope.
class OfflineHub {
 public:
  /// Makes what is missing: folder, hub.db, CA, server certificate, empty journal.
  static Outcome<std::unique_ptr<OfflineHub>> open(const Settings& settings);
  ~OfflineHub();

  Outcome<boost::json::object> run(const boost::json::object& request);  // see AdminOperations; blocks
  const HubCertificates& certificates() const { return certificates_; }
  const std::string& hub_id() const { return hub_id_; }

 private:
  OfflineHub(DataFolder folder, const Settings& settings) : folder_(std::move(folder)), settings_(settings) {}
  std::optional<Problem> prepare();

  DataFolder folder_;
  const Settings settings_;
  base::SystemClock clock_;
  base::SystemRandom random_;
  std::string hub_id_;
  HubCertificates certificates_;
  std::unique_ptr<sqlite::HubDatabase> db_;
  std::unique_ptr<CredentialStore> credentials_;
  std::unique_ptr<base::Worker> control_;
  std::unique_ptr<Identity> identity_;
  std::unique_ptr<AuditStore> audit_store_;
  std::unique_ptr<AuditLog> audit_;
};

}  // namespace hub
