// The composition root: makes a hub out of its parts, starts it, stops it in order.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/worker.h"
#include "hub/admin_channel.h"
#include "hub/certificates/hub_tls.h"
#include "hub/data_folder.h"
#include "hub/io_core.h"
#include "hub/metrics.h"
#include "hub/settings.h"
#include "hub/storage/sqlite/hub_database.h"

namespace hub {

/// A whole hub in one data folder. Threads: the caller's (run()), control (hub.db and all services), the readings
/// store's own, and one a core. open() makes the parts, start() listens, run() blocks until stop(), a signal or a
/// failure that only a restart can mend; then everything is stopped in order: sessions, store, control.
class App {
 public:
  /// Problem: errc::conflict where folder or port are in use, storage_* and unsupported_version where files are not
  /// fit.
  static Outcome<std::unique_ptr<App>> open(const Settings& settings, std::shared_ptr<spdlog::logger> log);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  Outcome<bool> start();
  std::uint16_t port() const;
  std::string url() const;        // https://HOST:PORT
  std::string setup_url() const;  // with the one-time code; empty once an admin exists
  /// Not while it serves.
  const HubCertificates& certificates() const { return tls_->own(); }

  /// With `signals`: SIGINT and SIGTERM stop; the second one ends the process at once. `ready` is called when stop()
  /// and signals are heard. True: stopped as asked. Problem: why the hub had to end.
  Outcome<bool> run(bool signals, const std::function<void()>& ready = {});
  void stop();  // any thread

 private:
  App(DataFolder folder, const Settings& settings, std::shared_ptr<spdlog::logger> log);
  std::optional<Problem> open_files();
  std::optional<Problem> open_registry();
  std::optional<Problem> open_readings();
  void make_services();
  void connect_services();
  std::optional<Problem> start_services();
  IoCoreParts core_parts(const wire::ServerTls& tls, std::uint16_t port, unsigned cores);
  void announce_setup();
  void fail(const Problem& why);  // any thread
  void shut_down();

  // On control.
  void tick();
  void close_programs_without_rights();
  void measure(const StoreStatus& status);
  void renew_certificates();
  void issue_certificates();

  MetricsSample sample() const;  // any thread
  HubActivity activity() const;

  const Settings settings_;
  const std::shared_ptr<spdlog::logger> log_;
  base::SystemClock clock_;
  base::SystemRandom random_;
  const std::int64_t started_boot_us_;
  DataFolder folder_;
  std::unique_ptr<HubTls> tls_;
  std::string hub_id_;
  std::atomic<bool> ready_{false};
  std::atomic<bool> ending_{false};
  std::atomic<bool> setup_announced_{false};
  std::atomic<std::uint16_t> port_{0};
  bool running_ = false;  // cores have threads

  mutable std::mutex mutex_;  // the two below
  HubActivity activity_;
  std::optional<Problem> failure_;
  StoreStatus measured_;  // control: at the last tick
  std::int64_t measured_at_us_ = 0;
  std::uint64_t ticks_ = 0;

  // In the order in which they are made; ~App says in which they end.
  boost::asio::io_context main_{1};
  std::unique_ptr<sqlite::HubDatabase> db_;
  std::unique_ptr<DeviceStore> device_store_;
  std::unique_ptr<CredentialStore> credential_store_;
  std::unique_ptr<EventStore> event_store_;
  std::unique_ptr<ExecutionStore> execution_store_;
  std::unique_ptr<AlertStore> alert_store_;
  std::unique_ptr<base::Worker> control_;
  std::unique_ptr<Bus> bus_;
  DeviceLinks links_;
  CloneWatch clones_;
  std::unique_ptr<DeviceRegistry> registry_;
  std::unique_ptr<Identity> identity_;
  std::unique_ptr<ApprovalDesk> approvals_;
  const std::shared_ptr<web::PollDesk> polls_ = std::make_shared<web::PollDesk>();
  std::unique_ptr<AuditStore> audit_store_;
  std::unique_ptr<AuditLog> audit_;
  std::shared_ptr<const web::AgentPackages> agent_packages_;
  std::unique_ptr<ReadingsStore> readings_;
  std::unique_ptr<CommandService> commands_;
  std::unique_ptr<AlertService> alerts_;
  std::unique_ptr<AdminOperations> operations_;
  std::unique_ptr<AdminChannel> channel_;
  std::shared_ptr<IngestBudget> ingest_budget_ = std::make_shared<IngestBudget>();
  std::vector<std::unique_ptr<IoCore>> cores_;
};

}  // namespace hub
