#include "device-agent/agent.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "device-agent/credential_file.h"
#include "device-agent/interval_override.h"
#include "device-agent/machine.h"
#include "device-agent/sensors/system_files.h"
#include "device-agent/spool/spool_disk.h"

namespace agent {
namespace {

constexpr std::size_t kUnsavedBytes = 1024 * 1024;  // not held back until a flush is due
constexpr std::int64_t kLookAtDiskUs = 5'000'000;
constexpr std::int64_t kLookForSensorsUs = 30'000'000;
constexpr std::int64_t kStatusUs = 2'000'000;
constexpr auto kQuietly = boost::asio::as_tuple(boost::asio::use_awaitable);

/// For people; empty: nothing was wrong.
std::string describe(const SpoolFindings& findings) {
  std::string text;
  const auto add = [&text](std::uint64_t n, const std::string& what) {
    if (n > 0) text += (text.empty() ? "the spool: " : ", ") + std::to_string(n) + what;
  };
  add(findings.damaged, " damaged places, lost readings are a gap, files kept as *.damaged");
  add(findings.newer, " files of a newer agent, kept as *.newer");
  add(findings.unreadable, " files that cannot be read");
  return text;
}

}  // namespace

base::Id128 boot_id(base::Random& random) {
  const auto line = read_line("/proc/sys/kernel/random/boot_id");
  std::string digits;
  for (const char c : line.value_or("")) {
    if (c != '-') digits.push_back(c);
  }
  const auto bytes = base::from_hex(digits);
  const auto id = bytes ? base::to_id128(*bytes) : std::nullopt;
  return id ? *id : random.next_id();
}

Agent::Agent(boost::asio::any_io_executor executor, Parts parts, const base::Clock& clock,
             std::shared_ptr<spdlog::logger> log)
    : executor_(executor),
      parts_(std::move(parts)),
      clock_(clock),
      log_(log),
      sample_timer_(executor),
      second_timer_(executor),
      tasks_(executor, [log](const std::exception& e) { log->error("{}", e.what()); }),
      batching_({parts_.config.latency_us, parts_.config.flush_us}),
      sampler_(sampler_options(), [this] { return find_all_sensors(); }),
      sensor_problems_(log),
      status_(parts_.state_folder, parts_.runtime_folder) {
  looked_for_sensors_us_ = clock_.boot_us();
}

SamplerOptions Agent::sampler_options() {
  auto arrived = [this, executor = executor_, alive = std::weak_ptr(alive_)] {
    boost::asio::post(executor, [this, alive] {
      if (!alive.expired()) note_arrivals();
    });
  };
  return {parts_.config.interval_us, parts_.config.disabled, [&clock = clock_] { return clock.boot_us(); },
          std::move(arrived)};
}

void Agent::note_arrivals() {
  if (!sampler_.has_arrivals()) return;  // a turn was quicker
  batching_.arrived(clock_.boot_us());
  sample_timer_.cancel();  // the loop looks again how long to wait
}

Sensors Agent::find_all_sensors() {
  Sensors sensors = parts_.find_sensors();
  if (!parts_.simulated) add_health_sensors([this] { return health(); }, sensors);
  return sensors;
}

base::Result<std::unique_ptr<Agent>> Agent::make(boost::asio::any_io_executor executor, Parts parts,
                                                 const base::Clock& clock, base::Random& random,
                                                 std::shared_ptr<spdlog::logger> log) {
  std::unique_ptr<Agent> agent(new Agent(executor, std::move(parts), clock, log));
  Agent& a = *agent;
  SpoolOptions options;
  options.folder = a.parts_.state_folder + "/spool";
  options.max_bytes = a.parts_.config.spool_bytes;
  auto spool = Spool::open(options, random.next_id(), boot_id(random));
  if (!spool) return spool.error();
  a.spool_ = std::move(*spool);
  a.spool_findings_ = describe(a.spool_->findings());
  if (!a.spool_findings_.empty()) log->warn("{} ({})", a.spool_findings_, options.folder);
  a.note_clock();
  auto ledger = CommandLedger::open(a.parts_.state_folder + "/commands.ledger");
  if (!ledger) return ledger.error();
  a.boot_id_hex_ = base::to_hex(boot_id(random));
  a.configured_interval_us_ = a.parts_.config.interval_us;
  if (const auto set = load_interval(a.parts_.state_folder, a.configured_interval_us_); set && !a.parts_.simulated) {
    log->info("sensors are read every {} ms, as set-interval said", *set / 1'000);
    a.parts_.config.interval_us = *set;
    a.sampler_.set_interval(*set);
  }
  a.outputs_ = std::make_unique<GpioOutputs>(executor, a.parts_.gpio, log);
  if (!a.parts_.simulated) a.outputs_->configure(a.parts_.config.outputs);
  a.commands_ = std::make_unique<CommandRunner>(
      executor, a.parts_.simulated ? std::vector<CommandConfig>{} : a.parts_.config.commands, std::move(*ledger), clock,
      log, [&a](const telemetry::v1::ExecutionUpdate& update) {
        telemetry::v1::DeviceMessage message;
        *message.mutable_execution() = update;
        return a.link_->send(message);
      });
  a.commands_->add_built_in(make_ping([&a] { return "{\"time_us\":" + std::to_string(a.clock_.now_us()) + "}"; }));
  a.commands_->add_built_in(make_sample_now([&a] {
    std::string values = a.sample_now();
    a.close_frame();
    return values;
  }));
  a.commands_->settle_interrupted(
      [&a](const std::string& pending) { return settle_built_in(pending, a.boot_id_hex_); });
  a.add_built_ins();
  AlertEffects effects;
  effects.run = [&a](const std::string& command, const std::string& why) {
    return a.commands_->run_locally(command, why)
               ? std::string()
               : "there is no command \"" + command + "\" that can run now without arguments";
  };
  effects.set_output = [&a](const std::string& output, std::optional<bool> value) {
    return value ? a.outputs_->set(output, *value) : a.outputs_->to_fail_safe(output);
  };
  a.alerts_ = std::make_unique<AlertActions>(a.parts_.config.alerts, clock, log, std::move(effects),
                                             [&a](const telemetry::v1::LeaseState& state) {
                                               telemetry::v1::DeviceMessage message;
                                               *message.mutable_lease_state() = state;
                                               (void)a.link_->send(message);
                                             });
  LinkEvents events;
  events.describe = [&a](telemetry::v1::Hello& hello) {
    a.introduce(hello);
    a.announced_ = a.announcement();
    auto& attributes = *hello.mutable_attributes();
    for (const auto& [name, text] : machine_attributes()) attributes[name] = text;
    if (a.parts_.simulated) attributes["simulated"] = "true";
  };
  events.welcomed = [&a](const telemetry::v1::Welcome& welcome) {
    a.note_hub_time(welcome.server_time_us());
    a.commands_->welcomed(welcome.server_time_us());
    a.alerts_->replace_all(welcome.leases());
    a.announce();  // where the configuration was read again since Hello
  };
  events.message = [&a](const telemetry::v1::HubMessage& message) { a.on_message(message); };
  const auto save = [folder = a.parts_.state_folder](const Credential& changed) {
    return save_credential(folder, changed);
  };
  a.keeper_ = std::make_unique<CredentialKeeper>(a.parts_.credential, save, clock, log);
  // Asked for at each attempt: a reload may have brought another proxy.
  const ConnectToHub by_config = [&a](Credential credential, HandshakeTime time) {
    return connect_through(a.parts_.config.proxy)(std::move(credential), time);
  };
  a.link_ = std::make_unique<Link>(executor, *a.keeper_, *a.spool_, clock, random, log, std::move(events),
                                   a.parts_.connect ? a.parts_.connect : by_config);
  return agent;
}

// The moment the clock is synchronised, everything this boot has measured before gets its right time.
void Agent::note_clock() {
  const bool synchronised = clock_.synchronised();
  if (synchronised) wall_minus_boot_us_ = clock_.now_us() - clock_.boot_us();
  if (synchronised && !was_synchronised_) place_times();
  was_synchronised_ = synchronised;
}

// Before the first frame of a session leaves.
void Agent::note_hub_time(double server_time_us) {
  note_clock();
  if (was_synchronised_ || !wire::HubTime::is_time(server_time_us)) return;
  wall_minus_boot_us_ = static_cast<std::int64_t>(server_time_us) - clock_.boot_us();
  place_times();
}

void Agent::place_times() {
  const auto done = spool_->place_times(*wall_minus_boot_us_);
  const std::string problem = done ? "" : done.error().message();
  if (!problem.empty() && problem != placing_problem_) {
    log_->error("cannot write the right times into the spool: {}", problem);
  }
  placing_problem_ = problem;
}

void Agent::on_message(const telemetry::v1::HubMessage& message) {
  if (message.has_execution()) commands_->request(message.execution());
  if (message.has_cancel()) commands_->cancel(message.cancel().id());
  if (message.has_lease()) alerts_->lease(message.lease());
}

boost::asio::awaitable<void> Agent::run() {
  tasks_.spawn(sample_loop());
  tasks_.spawn(housekeeping());
  co_await link_->run();
  stopping_ = true;
  sample_timer_.cancel();
  second_timer_.cancel();
  co_await tasks_.join();
  co_await commands_->stop();
  co_await outputs_->stop();
  close_frame();
  if (auto flushed = spool_->flush(); !flushed) log_->error("cannot write the spool: {}", flushed.error().message());
  log_->info("stopped: {} readings sampled, {} dropped; {} frames wait on disk", sampled_, spool_->dropped_readings(),
             spool_->held());
  status_.remove();
}

void Agent::stop() {
  stopping_ = true;
  sample_timer_.cancel();
  second_timer_.cancel();
  link_->stop();
}

boost::asio::awaitable<void> Agent::sample_loop() {
  if (parts_.service != nullptr) parts_.service->ready();
  while (!stopping_) {
    const std::int64_t now = clock_.now_us();
    const std::int64_t due = sampler_.next_due_us(now);
    const auto arrivals_due = batching_.arrivals_due_us(link_->is_live());
    const std::int64_t arrivals_wait_us =
        arrivals_due ? std::max<std::int64_t>(0, *arrivals_due - clock_.boot_us()) : 0;
    const bool is_turn = !arrivals_due || due - now <= arrivals_wait_us;
    sample_timer_.expires_after(std::chrono::microseconds(is_turn ? due - now : arrivals_wait_us));
    const auto [moved] = co_await sample_timer_.async_wait(kQuietly);
    if (stopping_) break;
    if (moved) continue;  // another interval, or something came by itself
    if (!is_turn) {
      batching_.arrivals_left(clock_.boot_us());
      take([&](const SampleTime& at, const Sampler::Sink& sink) { sampler_.sample_arrivals(at, sink); });
      close_frame();
      continue;
    }
    batching_.arrivals_taken();
    take([&](const SampleTime& at, const Sampler::Sink& sink) { sampler_.sample_due(due, at, sink); });
    const std::int64_t next_turn_us = sampler_.next_due_us(clock_.now_us()) - clock_.now_us();
    if (batching_.is_due(clock_.boot_us(), next_turn_us, link_->is_live())) close_frame();
  }
}

// Readings into the builder, by the clock that is to be believed now.
void Agent::take(const std::function<void(const SampleTime&, const Sampler::Sink&)>& sample) {
  const SampleTime now{clock_.now_us() / 1'000 * 1'000, clock_.boot_us() / 1'000 * 1'000};
  const TimeBase base = clock_.synchronised() ? TimeBase::wall : TimeBase::boot;
  if (!builder_.fits(base)) close_frame();
  sample(now, [&](const Sampler::Reading& reading) {
    if (batching_.is_full()) close_frame();
    const auto* text = std::get_if<std::string>(&reading.value);
    batching_.added(text != nullptr ? text->size() : 0, clock_.boot_us());
    ++sampled_;
    const std::int64_t at = (base == TimeBase::wall ? now.wall_us : now.boot_us) - reading.age_us;
    builder_.add(
        builder_.alias(reading.spec.name, reading.spec.unit, static_cast<int>(reading.spec.type), reading.interval_ms),
        at, reading.value, base);
  });
}

std::string Agent::sample_now() {
  boost::json::object values;
  take([&](const SampleTime& at, const Sampler::Sink& sink) {
    sampler_.sample_all(at, [&](const Sampler::Reading& reading) {
      sink(reading);
      std::visit([&](const auto& v) { values[reading.spec.name] = v; }, reading.value);
    });
  });
  return boost::json::serialize(values);
}

void Agent::close_frame() {
  if (builder_.readings() == 0) return;
  spool_->append(link_->is_live() ? 0 : 1, builder_.close(clock_, wall_minus_boot_us_));
  batching_.closed();
  spool_->set_definitions(builder_.definitions());
  link_->pump();
}

boost::asio::awaitable<void> Agent::housekeeping() {
  while (!stopping_) {
    second_timer_.expires_after(parts_.tick);
    co_await second_timer_.async_wait(kQuietly);
    if (stopping_) break;
    note_clock();
    alerts_->tick();
    link_->pump();
    link_->tick();
    watch_over_sampling();
    const std::int64_t now = clock_.boot_us();
    if (!parts_.simulated && now - looked_for_sensors_us_ >= kLookForSensorsUs) {
      looked_for_sensors_us_ = now;
      sampler_.find();
    }
    flush_if_due();
    look_at_disk();
    problems_ = problems();
    if (!parts_.simulated && now - told_us_ >= kStatusUs) {
      told_us_ = now;
      for (const auto& warning : sampler_.take_warnings()) log_->warn("{}", warning);
      sensor_problems_.note(sampler_.problems(), now);
      tell_status();
    }
  }
}

// While the hub acknowledges at once there is nothing worth a write: an SD card is spared. What it left standing for a
// whole interval goes to disk all the same. After a failure each tick tries again.
void Agent::flush_if_due() {
  const std::int64_t now = clock_.boot_us();
  const bool is_turn = now - flushed_us_ >= parts_.config.flush_us;
  if (!is_turn && spool_problem_.empty() && spool_->unsaved_bytes() < kUnsavedBytes) return;
  if (is_turn) flushed_us_ = now;
  const bool is_behind = is_turn && spool_->is_behind();
  if (is_turn && link_->is_welcomed() && !is_behind && spool_problem_.empty()) return;
  const auto flushed = spool_->flush();
  const std::string problem = flushed ? "" : flushed.error().message();
  if (problem == spool_problem_) return;
  if (problem.empty())
    log_->info("the spool can be written again");
  else
    log_->error("cannot write the spool: {}; readings are kept in memory", problem);
  spool_problem_ = problem;
  if (problem.empty() && !placing_problem_.empty() && wall_minus_boot_us_) place_times();
}

void Agent::look_at_disk() {
  if (parts_.simulated || clock_.boot_us() - looked_at_disk_us_ < kLookAtDiskUs) return;
  looked_at_disk_us_ = clock_.boot_us();
  std::string problem = disk_problem(parts_.state_folder);
  if (problem == disk_problem_) return;
  if (problem.empty())
    log_->info("the disk has room again");
  else
    log_->warn("{}", problem);
  disk_problem_ = std::move(problem);
}

}  // namespace agent
