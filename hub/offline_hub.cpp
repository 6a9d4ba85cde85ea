#include "hub/offline_hub.h"

#include <filesystem>
#include <future>

#include "hub/hub_files.h"
#include "hub/storage/sqlite/sqlite_readings_store.h"
#include "hub/web/enrolment_command.h"

namespace hub {

Outcome<std::unique_ptr<OfflineHub>> OfflineHub::open(const Settings& settings) {
  auto folder = DataFolder::open(settings.data_dir);
  if (!folder) return folder.error();
  std::unique_ptr<OfflineHub> hub(new OfflineHub(std::move(*folder), settings));
  if (auto problem = hub->prepare()) return *problem;
  return hub;
}

std::optional<Problem> OfflineHub::prepare() {
  auto db = open_hub_database(folder_.path());
  if (!db) return db.error();
  db_ = std::move(*db);
  auto id = hub::hub_id(*db_, random_);
  if (!id) return id.error();
  hub_id_ = *id;
  auto certificates =
      open_certificates(DataFolder::tls(folder_.path()), hub_id_,
                        server_names(hub_id_, web::machine_name(), settings_.public_host), clock_.now_us());
  if (!certificates) return certificates.error();
  certificates_ = std::move(*certificates);
  if (!std::filesystem::exists(folder_.path() + "/recent.db")) {
    // The journal's epoch is made now, once.
    sqlite::ReadingsOptions options;
    options.folder = folder_.path();
    auto readings = sqlite::open_readings_store(options, clock_, random_);
    if (!readings) return readings.error();
    (*readings)->stop();
  }
  credentials_ = sqlite::make_credential_store(*db_);
  control_ = std::make_unique<base::Worker>("control");
  try {
    identity_ = std::make_unique<Identity>(*credentials_, *control_, clock_, random_);
    audit_store_ = sqlite::make_audit_store(*db_);
    audit_ = std::make_unique<AuditLog>(*audit_store_, *control_, clock_);
    if (auto opened = audit_->open(); !opened) throw boost::system::system_error(opened.error());
  } catch (const boost::system::system_error& error) {
    return Problem{to_errc(error.code()), DataFolder::hub_db(folder_.path()) + ": users cannot be read", ""};
  }
  return std::nullopt;
}

OfflineHub::~OfflineHub() {
  if (audit_) control_->post([this] { audit_->tick(); });  // the last outcomes
  identity_.reset();                                       // before control, which runs its last answers
  if (control_) control_->flush();
  audit_.reset();
  control_.reset();
}

Outcome<boost::json::object> OfflineHub::run(const boost::json::object& request) {
  auto opened = web::AgentPackages::open_configured(settings_.agent_packages);
  if (!opened) return opened.error();
  const auto packages = std::make_shared<const web::AgentPackages>(std::move(*opened));
  const AdminOperations operations(*identity_, *audit_, [this, packages] {
    const auto port = static_cast<std::uint16_t>(settings_.port);
    return web::HubAddress{web::reachable_address(settings_.public_host, "", port), certificates_.ca_sha256_hex,
                           packages};
  });
  std::promise<Outcome<boost::json::object>> answered;
  operations.run(request, [&](Outcome<boost::json::object> outcome) { answered.set_value(std::move(outcome)); });
  return answered.get_future().get();
}

}  // namespace hub
