#include "hub/app.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <future>

#include "base/processors.h"
#include "hub/core/text_file.h"
#include "hub/hub_files.h"
#include "hub/storage/sqlite/sqlite_readings_store.h"
#include "hub/web/enrolment_command.h"

namespace hub {
namespace {

constexpr auto kStopWithin = std::chrono::seconds(10);
constexpr std::int64_t kDay_us = 86'400'000'000;

/// Each connection is a file descriptor; the usual soft limit of 1,024 is the shell's, not ours.
void raise_descriptor_limit(spdlog::logger& log) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) log.warn("the limit of open files stays where it is");
}

template <class Function>
auto run_and_wait(base::Worker& worker, Function function) {
  std::promise<decltype(function())> done;
  worker.post([&] { done.set_value(function()); });
  return done.get_future().get();
}

sqlite::Retention retention_of(const Settings& settings) {
  const auto policy = [](std::int64_t days, std::int64_t gb, std::int64_t summary_days) {
    return sqlite::RetentionPolicy{days * kDay_us, static_cast<std::uint64_t>(gb) << 30, summary_days * kDay_us};
  };
  sqlite::Retention retention;
  retention.common =
      policy(settings.storage_retention_days, settings.storage_retention_gb, settings.storage_summary_days);
  for (const auto& [name, own] : settings.storage_groups) {
    retention.classes[name] =
        policy(own.days.value_or(settings.storage_retention_days), own.gb.value_or(settings.storage_retention_gb),
               own.summary_days.value_or(settings.storage_summary_days));
  }
  return retention;
}

MetricsSample sum_of(const std::vector<std::unique_ptr<IoCore>>& cores) {
  MetricsSample all;
  for (const auto& core : cores) {
    const auto i = core->ingest_counters();
    all.ingest.sessions += i.sessions;
    all.ingest.frames += i.frames;
    all.ingest.readings += i.readings;
    all.ingest.duplicates += i.duplicates;
    all.ingest.rejected_frames += i.rejected_frames;
    all.ingest.rejected_readings += i.rejected_readings;
    all.ingest.bytes += i.bytes;
    all.ingest.rests += i.rests;
    all.ingest.hello_timeouts += i.hello_timeouts;
    const auto l = core->live_counters();
    all.live.viewers += l.viewers;
    all.live.event_streams += l.event_streams;
    all.live.polls += l.polls;
    all.live.subscriptions += l.subscriptions;
    all.live.messages_sent += l.messages_sent;
    all.live.bytes_sent += l.bytes_sent;
    all.live.slow_closed += l.slow_closed;
    all.live.backlog_bytes += l.backlog_bytes;
    const auto w = core->web_counters();
    all.web.connections += w.connections;
    all.web.accepted += w.accepted;
    all.web.refused_full += w.refused_full;
    all.web.refused_address_full += w.refused_address_full;
    all.web.refused_address_too_often += w.refused_address_too_often;
    all.web.handshakes_failed += w.handshakes_failed;
    all.web.handshakes_shed += w.handshakes_shed;
    all.web.timed_out += w.timed_out;
    all.web.requests += w.requests;
    all.web.client_errors += w.client_errors;
    all.web.server_errors += w.server_errors;
  }
  return all;
}

}  // namespace

App::App(DataFolder folder, const Settings& settings, std::shared_ptr<spdlog::logger> log)
    : settings_(settings), log_(std::move(log)), started_boot_us_(clock_.boot_us()), folder_(std::move(folder)) {}

Outcome<std::unique_ptr<App>> App::open(const Settings& settings, std::shared_ptr<spdlog::logger> log) {
  auto folder = DataFolder::open(settings.data_dir);
  if (!folder) return folder.error();
  // Asked before the journal is replayed: a taken port should be told at once.
  const auto port = check_port(settings.bind, static_cast<std::uint16_t>(settings.port));
  if (!port) return port.error();
  std::unique_ptr<App> app(new App(std::move(*folder), settings, std::move(log)));
  if (auto problem = app->open_files()) return *problem;
  if (auto problem = app->open_registry()) return *problem;
  if (auto problem = app->open_readings()) return *problem;  // asks the registry for groups
  app->make_services();
  app->connect_services();
  if (auto problem = app->start_services()) return *problem;
  return app;
}

std::optional<Problem> App::open_files() {
  auto db = open_hub_database(folder_.path());
  if (!db) return db.error();
  db_ = std::move(*db);
  auto id = hub::hub_id(*db_, random_);
  if (!id) return id.error();
  hub_id_ = *id;
  HubTls::Options tls;
  tls.folder = DataFolder::tls(folder_.path());
  tls.hub_id = hub_id_;
  tls.names = [this] { return server_names(hub_id_, web::machine_name(), settings_.public_host); };
  tls.certificate_file = settings_.tls_certificate_file;
  tls.key_file = settings_.tls_key_file;
  auto opened = HubTls::open(std::move(tls), clock_.now_us(), log_);
  if (!opened) return opened.error();
  tls_ = std::move(*opened);
  auto packages = web::AgentPackages::open_configured(settings_.agent_packages);
  if (!packages) return packages.error();
  agent_packages_ = std::make_shared<const web::AgentPackages>(std::move(*packages));
  return std::nullopt;
}

std::optional<Problem> App::open_registry() {
  device_store_ = sqlite::make_device_store(*db_);
  credential_store_ = sqlite::make_credential_store(*db_);
  event_store_ = sqlite::make_event_store(*db_);
  execution_store_ = sqlite::make_execution_store(*db_);
  alert_store_ = sqlite::make_alert_store(*db_);
  audit_store_ = sqlite::make_audit_store(*db_);
  control_ = std::make_unique<base::Worker>("control");
  bus_ = make_in_process_bus();
  try {
    registry_ = std::make_unique<DeviceRegistry>(*device_store_, *control_, clock_,
                                                 settings_.devices_start_grace_s * 1'000'000);
    identity_ = std::make_unique<Identity>(*credential_store_, *control_, clock_, random_);
    audit_ = std::make_unique<AuditLog>(*audit_store_, *control_, clock_);
    if (auto opened = audit_->open(); !opened) throw boost::system::system_error(opened.error());
  } catch (const boost::system::system_error& error) {
    return Problem{to_errc(error.code()),
                   DataFolder::hub_db(folder_.path()) + " cannot be read: " + error.code().message(), ""};
  }
  return std::nullopt;
}

std::optional<Problem> App::open_readings() {
  constexpr std::size_t kMegabyte = 1024 * 1024;
  sqlite::ReadingsOptions options;
  options.folder = folder_.path();
  options.tail_max_bytes = static_cast<std::size_t>(settings_.storage_tail_max_mb) * kMegabyte;
  options.pending_max_bytes = static_cast<std::size_t>(settings_.storage_pending_max_mb) * kMegabyte;
  options.commit_window_us = settings_.storage_commit_window_ms * 1'000;
  options.seal_interval_us = settings_.storage_seal_interval_s * 1'000'000;
  options.retained_journal_bytes = static_cast<std::size_t>(settings_.storage_retained_journal_mb) * kMegabyte;
  options.retained_journal_us = settings_.storage_retained_journal_minutes * 60'000'000;
  options.low_water_bytes = static_cast<std::size_t>(settings_.storage_low_water_mb) * kMegabyte;
  options.retention = retention_of(settings_);
  options.class_of = [this, retention = options.retention](SeriesId series) {
    return retention.class_among(registry_->groups_of(series));
  };
  if (options.retention.classes.empty()) options.class_of = nullptr;
  options.readers = static_cast<unsigned>(settings_.storage_readers);
  auto readings = sqlite::open_readings_store(options, clock_, random_);
  if (!readings) return readings.error();
  readings_ = std::move(*readings);
  return std::nullopt;
}

void App::make_services() {
  const auto publish = [this](Event event) { bus_->publish(std::make_shared<const Event>(std::move(event))); };
  commands_ =
      std::make_unique<CommandService>(*execution_store_, *registry_, links_, *control_, clock_, random_, publish);
  alerts_ = std::make_unique<AlertService>(*alert_store_, *readings_, *registry_, links_, *control_, clock_, random_,
                                           publish, log_);
  approvals_ = std::make_unique<ApprovalDesk>(*identity_, *control_, clock_, random_);
  operations_ = std::make_unique<AdminOperations>(*identity_, *audit_, [this] {
    return web::HubAddress{web::reachable_address(settings_.public_host, "", port()),
                           tls_->bundle().get()->signer_sha256_hex, agent_packages_};
  });
}

void App::connect_services() {
  identity_->on_device_created([this](const DeviceRecord& device) {
    registry_->added(device);
    AuditEntry entry;
    entry.actor = "device " + device.name;
    entry.action = "device enrolled";
    entry.object = "device=" + device.id.str();
    entry.status = 201;
    audit_->note(std::move(entry));
  });
  identity_->on_device_revoked(
      [this](const DeviceId& device) { links_.close(device, 4001, "this device's credential was revoked"); });
  registry_->on_presence(
      [this](const PresenceChange& change) { bus_->publish(std::make_shared<const PresenceChange>(change)); });
  registry_->on_series_added([this](const std::vector<SeriesRecord>& series) {
    bus_->publish(std::make_shared<const std::vector<SeriesRecord>>(series));
  });
  issue_certificates();
  readings_->on_commit([this](const CommitPtr& commit) {
    bus_->publish(commit);
    alerts_->on_commit(commit);
  });
}

std::optional<Problem> App::start_services() {
  const auto commands = run_and_wait(*control_, [this] { return commands_->start(); });
  if (!commands) return Problem{to_errc(commands.error()), "hub.db: the executions cannot be read", ""};
  const auto alerts = run_and_wait(*control_, [this] { return alerts_->start(); });
  if (!alerts) return Problem{to_errc(alerts.error()), "hub.db: the alerts cannot be read", ""};
  return std::nullopt;
}

IoCoreParts App::core_parts(const wire::ServerTls& tls, std::uint16_t port, unsigned cores) {
  IngestServices ingest{*readings_, *registry_, links_,  clones_,        *identity_,       *commands_,    *alerts_,
                        *control_,  clock_,     random_, tls_->bundle(), "hub-" + hub_id_, ingest_budget_};
  IngestLimits ingest_limits;
  ingest_limits.message_bytes = static_cast<std::size_t>(settings_.ingest_message_max_kb) * 1024;
  ingest_limits.device_messages_per_s = static_cast<double>(settings_.ingest_device_messages_per_s);
  ingest_limits.device_bytes_per_s = static_cast<double>(settings_.ingest_device_kb_per_s) * 1024;
  ingest_limits.budget_bytes = static_cast<std::size_t>(settings_.ingest_budget_mb) * 1024 * 1024;
  WebServices web{*readings_,
                  *registry_,
                  links_,
                  *identity_,
                  *commands_,
                  *alerts_,
                  *audit_,
                  *approvals_,
                  tls_->bundle(),
                  *control_,
                  clock_,
                  [this] { return metrics_text(sample()); },
                  [this] { return ready_ && readings_->status().failure.empty(); },
                  [this] { return activity(); },
                  log_,
                  polls_};
  WebOptions web_options;
  web_options.port = port;
  web_options.bind_address = settings_.bind;
  web_options.public_host = settings_.public_host;
  web_options.device_server_name = "hub-" + hub_id_;
  web_options.agent_packages = agent_packages_;
  web_options.web_root = settings_.web_root;
  web_options.admission.connections = static_cast<std::size_t>(settings_.web_connections);
  web_options.admission.connections_per_address = static_cast<std::size_t>(settings_.web_address_connections);
  web_options.admission.handshakes = static_cast<std::size_t>(settings_.web_handshakes);
  web_options.admission.handshakes_per_address_per_s = static_cast<double>(settings_.web_address_handshakes_per_s);
  web_options.device_message_bytes = ingest_limits.message_bytes;
  LiveLimits live_limits;
  live_limits.viewers = static_cast<std::size_t>(settings_.live_viewers);
  live_limits.tick_us = settings_.live_tick_ms * 1'000;
  live_limits.backlog_total_bytes = static_cast<std::size_t>(settings_.live_budget_mb) * 1024 * 1024 / cores;
  web_options.live_backlog_bytes = live_limits.backlog_bytes;
  return {std::move(ingest), ingest_limits, std::move(web), std::move(web_options),
          live_limits,       *event_store_, *bus_,          tls};
}

Outcome<bool> App::start() {
  // OpenSSL writes to sockets itself: a peer that left must be an error there, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit(*log_);
  auto tls = tls_->server_tls();
  if (!tls) return tls.error();
  const unsigned wished = static_cast<unsigned>(settings_.threads);
  const unsigned count = wished != 0 ? wished : std::min(base::usable_processors(), 8u);
  auto port = static_cast<std::uint16_t>(settings_.port);
  for (unsigned i = 0; i < count; ++i) {
    cores_.push_back(std::make_unique<IoCore>(i, core_parts(*tls, port, count)));
    if (auto listening = cores_.back()->listen(); !listening) return listening.error();
    port = cores_.back()->port();  // where 0 was wished for, the first core knows
  }
  port_ = port;
  channel_ = std::make_unique<AdminChannel>(main_, folder_.path(), *operations_, log_);
  if (auto open = channel_->start(); !open) return open.error();
  running_ = true;
  ready_ = true;
  for (const auto& core : cores_) core->run();
  control_->post([this] { tick(); });
  log_->info("telemetry-hub {} serves {} with {} I/O threads; data in {}", TELEMETRY_VERSION, url(), count,
             folder_.path());
  announce_setup();
  return true;
}

std::uint16_t App::port() const {
  return port_;
}

std::string App::url() const {
  const std::string host = settings_.public_host.empty() ? web::machine_name() : settings_.public_host;
  return "https://" + web::url_host(host) + ":" + std::to_string(port());
}

std::string App::setup_url() const {
  const std::string code = identity_->setup_code();
  // Behind the '#': it is not sent, so it stands in no log between browser and hub.
  return code.empty() ? "" : url() + "/setup#code=" + code;
}

void App::announce_setup() {
  const std::string path = DataFolder::setup_url(folder_.path());
  const std::string once = setup_url();
  if (once.empty()) {
    ::unlink(path.c_str());
    return;
  }
  log_->warn("there is no user yet: open {} once to make the first admin", once);
  if (auto written = write_text_file(path, once + "\n", 0600); !written) log_->error("{}", written.error().detail);
  setup_announced_ = true;
}

Outcome<bool> App::run(bool with_signals, const std::function<void()>& ready) {
  auto work = boost::asio::make_work_guard(main_);
  std::optional<boost::asio::signal_set> signals;
  if (with_signals) {
    signals.emplace(main_, SIGINT, SIGTERM);
    signals->async_wait([this](boost::system::error_code ec, int number) {
      if (ec) return;
      log_->info("{}: stopping; once more ends at once", number == SIGINT ? "SIGINT" : "SIGTERM");
      main_.stop();
    });
  }
  if (ready) ready();
  main_.run();
  work.reset();
  signals.reset();  // from here on a signal has its usual effect: the end
  shut_down();
  const std::lock_guard lock(mutex_);
  if (failure_) return *failure_;
  return true;
}

void App::stop() {
  ending_ = true;
  main_.stop();
}

void App::fail(const Problem& why) {
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return;
    failure_ = why;
  }
  log_->critical("the hub must end: {}", why.detail);
  stop();
}

void App::shut_down() {
  if (!std::exchange(running_, false)) return;
  ready_ = false;
  ending_ = true;
  main_.restart();
  wire::TaskGroup closing(main_.get_executor(), [](const std::exception&) {});
  closing.spawn(channel_->stop());
  // Bounded: a request of the command line that hangs does not keep the hub from ending.
  const auto channel_deadline = std::chrono::steady_clock::now() + kStopWithin;
  while (closing.size() > 0 && std::chrono::steady_clock::now() < channel_deadline) {
    main_.run_one_for(std::chrono::milliseconds(50));
  }
  registry_->hub_stops();
  for (const auto& core : cores_) core->begin_stop();
  const auto deadline = std::chrono::steady_clock::now() + kStopWithin;
  bool all_stopped = true;
  for (const auto& core : cores_) all_stopped = core->wait_stopped(deadline) && all_stopped;
  readings_->stop();
  control_->post([this] { audit_->tick(); });  // the last outcomes
  control_->flush();
  if (!all_stopped) {
    // Everything acknowledged is on the disk; what hangs is a session, and its thread cannot be taken apart.
    log_->error("sessions did not end within {} s; ending without them", kStopWithin.count());
    std::_Exit(1);
  }
  log_->info("stopped; everything acknowledged is on the disk");
}

App::~App() {
  shut_down();
  ending_ = true;
  if (readings_) readings_->stop();  // no more commits, no more replies
  if (control_) control_->flush();   // no tick looks at the cores any more
  cores_.clear();
  channel_.reset();
  // Identity answers what it still holds on control, and its hooks use the registry and the links: so it goes first.
  identity_.reset();
  if (control_) control_->flush();
  approvals_.reset();
  alerts_.reset();
  commands_.reset();
  control_.reset();
  registry_.reset();
}

void App::tick() {
  if (ending_) return;
  registry_->tick();
  commands_->tick();
  alerts_->tick();
  audit_->tick();
  close_programs_without_rights();
  for (const auto& device : links_.expired(clock_.now_us())) {
    links_.close(device, 4012, "this certificate has expired: it may only be renewed");
  }
  const StoreStatus status = readings_->status();
  if (status.fatal) return fail({errc::storage_failed, status.failure, ""});
  measure(status);
  if (setup_announced_ && !identity_->needs_setup()) {
    ::unlink(DataFolder::setup_url(folder_.path()).c_str());
    setup_announced_ = false;
  }
  if (++ticks_ % 2 == 0) renew_certificates();
  control_->post_after(1'000'000, [this] { tick(); });
}

/// A program that sends for a device may lose its token, its user the role, the device the group.
void App::close_programs_without_rights() {
  for (const auto& [device, key] : links_.sent_for()) {
    const auto who = identity_->refreshed(key);
    if (!who) {
      links_.close(device, 4001, "the API token was removed or has expired");
    } else if (!authorize(*who, Operation::stream_telemetry, device, *registry_)) {
      links_.close(device, 4003, "the token's user may not send for this device any more");
    }
  }
}

void App::measure(const StoreStatus& status) {
  const std::int64_t now_us = clock_.boot_us();
  HubActivity activity;
  if (measured_at_us_ != 0 && now_us > measured_at_us_) {
    const double seconds = static_cast<double>(now_us - measured_at_us_) / 1e6;
    activity.readings_per_s = static_cast<double>(status.readings_stored - measured_.readings_stored) / seconds;
    activity.frames_per_s = static_cast<double>(status.frames_stored - measured_.frames_stored) / seconds;
    activity.commits_per_s = static_cast<double>(status.commits - measured_.commits) / seconds;
  }
  if (status.failure != measured_.failure) {
    if (status.failure.empty()) {
      log_->info("storing again");
    } else {
      log_->error("not storing: {}", status.failure);
    }
  }
  if (status.retention_halted != measured_.retention_halted && status.retention_halted)
    log_->debug("nothing is expired: the clock is not synchronised, or has jumped");
  if (status.warning != measured_.warning && !status.warning.empty()) log_->warn("{}", status.warning);
  measured_ = status;
  measured_at_us_ = now_us;
  activity.memory_bytes = resident_bytes();
  const std::lock_guard lock(mutex_);
  activity_ = activity;
}

void App::renew_certificates() {
  const auto tls = tls_->look(clock_.now_us());
  if (!tls) return;
  for (const auto& core : cores_) core->use_tls(*tls);
  issue_certificates();
}

void App::issue_certificates() {
  identity_->issue_certificates_with(tls_->own().device_ca, settings_.tls_device_certificate_days * kDay_us);
}

HubActivity App::activity() const {
  HubActivity activity;
  {
    const std::lock_guard lock(mutex_);
    activity = activity_;
  }
  activity.uptime_s = (clock_.boot_us() - started_boot_us_) / 1'000'000;
  activity.devices_connected = links_.size();
  for (const auto& core : cores_) activity.viewers += core->live_counters().viewers;
  return activity;
}

MetricsSample App::sample() const {
  MetricsSample all = sum_of(cores_);
  all.store = readings_->status();
  all.identity = identity_->counters();
  all.approvals = approvals_->counters();
  all.activity = activity();
  all.devices = registry_->count();
  all.devices_connected = links_.size();
  all.ready = ready_ && all.store.failure.empty();
  return all;
}

}  // namespace hub
