// hub.db: the registry file. Opens or makes it, applies migrations, hands out the stores of its tables.
#pragma once

#include <memory>
#include <string>

#include "hub/storage/alert_store.h"
#include "hub/storage/audit_store.h"
#include "hub/storage/credential_store.h"
#include "hub/storage/device_store.h"
#include "hub/storage/event_store.h"
#include "hub/storage/execution_store.h"
#include "hub/storage/sqlite/database.h"

namespace hub::sqlite {

/// Owns the one writing connection of hub.db; lives on the control thread. Migrations are numbered SQL files
/// (migrations/NNNN_name.sql, embedded), applied once, in a transaction, after a backup of the file
/// (hub.db.before-NNNN). A file of a newer version: errc::unsupported_version. Stores must not outlive it.
class HubDatabase {
 public:
  static Result<std::unique_ptr<HubDatabase>> open(const std::string& path, const OpenOptions& options = {});
  Database& connection() { return db_; }
  /// Small facts: hub id, server name, … Key is unique.
  Result<std::optional<std::string>> fact(const std::string& key);
  Result<void> set_fact(const std::string& key, const std::string& value);

 private:
  Database db_;
};

std::unique_ptr<DeviceStore> make_device_store(HubDatabase& db);
std::unique_ptr<CredentialStore> make_credential_store(HubDatabase& db);
std::unique_ptr<EventStore> make_event_store(HubDatabase& db);
std::unique_ptr<ExecutionStore> make_execution_store(HubDatabase& db);
std::unique_ptr<AlertStore> make_alert_store(HubDatabase& db);
std::unique_ptr<AuditStore> make_audit_store(HubDatabase& db);

}  // namespace hub::sqlite
