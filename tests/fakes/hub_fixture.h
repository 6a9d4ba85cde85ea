// The registry part of a hub for tests: hub.db, its stores, the control thread.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <future>
#include <memory>
#include <string>

#include "base/random.h"
#include "base/worker.h"
#include "hub/storage/sqlite/hub_database.h"
#include "tests/fakes/manual_clock.h"

namespace fakes {

/// A folder of its own under the system's temporary one; gone with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "telemetry-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// What a statement that answers one number says: `SELECT COUNT(*) …`.
inline std::int64_t count_rows(hub::sqlite::Database& db, const std::string& sql) {
  auto statement = db.prepare(sql);
  EXPECT_TRUE(statement) << db.last_error();
  EXPECT_TRUE(statement->step().value());
  return statement->integer(0);
}

/// Opens hub.db of a folder; `reopen()` is a restart. Tests that use services declare them after this, so that they end
/// first.
struct HubFiles {
  TemporaryFolder folder;
  std::unique_ptr<hub::sqlite::HubDatabase> db;
  std::unique_ptr<hub::DeviceStore> devices;
  std::unique_ptr<hub::CredentialStore> credentials;
  std::unique_ptr<hub::EventStore> events;
  std::unique_ptr<hub::ExecutionStore> executions;
  std::unique_ptr<hub::AlertStore> alerts;

  HubFiles() { reopen(); }
  ~HubFiles() { close(); }
  std::string path() const { return folder.file("hub.db"); }
  void close() {
    devices.reset(), credentials.reset(), events.reset(), executions.reset(), alerts.reset();
    db.reset();
  }
  void reopen() {
    close();
    auto opened = hub::sqlite::HubDatabase::open(path());
    if (!opened) throw std::runtime_error("hub.db: " + opened.error().message());
    db = std::move(*opened);
    devices = hub::sqlite::make_device_store(*db);
    credentials = hub::sqlite::make_credential_store(*db);
    events = hub::sqlite::make_event_store(*db);
    executions = hub::sqlite::make_execution_store(*db);
    alerts = hub::sqlite::make_alert_store(*db);
  }
  /// A device as Identity stores it, without Identity.
  hub::DeviceRecord enrol(const std::string& name, std::int64_t created_us = 1'700'000'000'000'000) {
    hub::DeviceRecord device;
    device.id = hub::DeviceId("d-" + name);
    device.name = name;
    device.created_us = created_us;
    if (auto done = credentials->enrol_device("", device, {device.id, "hash of " + name, created_us}); !done) {
      throw std::runtime_error("enrol: " + done.error().message());
    }
    return device;
  }
};

/// Waits for the one answer of a call that answers through a callback: `auto r = answer_of<T>([&](auto done) { … });`
template <class T, class Call>
hub::Outcome<T> answer_of(Call call) {
  auto promise = std::make_shared<std::promise<hub::Outcome<T>>>();
  auto future = promise->get_future();
  call([promise](hub::Outcome<T> outcome) { promise->set_value(std::move(outcome)); });
  if (future.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
    throw std::runtime_error("no answer within a minute");
  }
  return future.get();
}

}  // namespace fakes
