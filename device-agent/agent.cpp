#include "device-agent/agent.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "device-agent/credential_file.h"
#include "device-agent/machine.h"
#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

constexpr std::size_t kReadingsAFrame = 100;
constexpr std::size_t kReadingsAFrameAway = 1'000;  // nobody waits: fewer, larger frames
constexpr std::int64_t kLookForSensorsUs = 30'000'000;
constexpr std::int64_t kStatusUs = 2'000'000;
constexpr auto kQuietly = boost::asio::as_tuple(boost::asio::use_awaitable);

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
      sampler_({parts_.config.interval_us, parts_.config.disabled}, parts_.find_sensors),
      sensor_problems_(log),
      status_(parts_.state_folder, parts_.runtime_folder) {
  looked_for_sensors_us_ = clock_.boot_us();
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
  if (a.spool_->damaged_records() > 0) {
    log->warn("the spool was damaged: {} records lost, files kept as {}/*.damaged", a.spool_->damaged_records(),
              options.folder);
  }
  a.note_clock();
  auto ledger = CommandLedger::open(a.parts_.state_folder + "/commands.ledger");
  if (!ledger) return ledger.error();
  a.commands_ = std::make_unique<CommandRunner>(
      executor, a.parts_.simulated ? std::vector<CommandConfig>{} : a.parts_.config.commands, std::move(*ledger), clock,
      log, [&a](const telemetry::v1::ExecutionUpdate& update) {
        telemetry::v1::DeviceMessage message;
        *message.mutable_execution() = update;
        (void)a.link_->send(message);  // not connected: the ledger answers when the hub asks again
      });
  a.commands_->add_built_in("ping", [&a] { return "{\"time_us\":" + std::to_string(a.clock_.now_us()) + "}"; });
  a.commands_->add_built_in("sample-now", [&a] {
    std::string values = a.sample_now();
    a.close_frame();
    return values;
  });
  a.alerts_ = std::make_unique<AlertActions>(
      a.parts_.config.alerts, clock, log,
      [&a](const std::string& command, const std::string& why) { return a.commands_->run_locally(command, why); },
      [&a](const telemetry::v1::LeaseState& state) {
        telemetry::v1::DeviceMessage message;
        *message.mutable_lease_state() = state;
        (void)a.link_->send(message);
      });
  LinkEvents events;
  events.describe = [&a](telemetry::v1::Hello& hello) {
    a.commands_->describe(hello);
    auto& attributes = *hello.mutable_attributes();
    for (const auto& [name, text] : machine_attributes()) attributes[name] = text;
    if (a.parts_.simulated) attributes["simulated"] = "true";
  };
  events.welcomed = [&a](const telemetry::v1::Welcome& welcome) {
    a.note_hub_time(welcome.server_time_us());
    a.commands_->welcomed(welcome.server_time_us());
    a.alerts_->replace_all(welcome.leases());
  };
  events.message = [&a](const telemetry::v1::HubMessage& message) { a.on_message(message); };
  const auto save = [folder = a.parts_.state_folder](const Credential& changed) {
    return save_credential(folder, changed);
  };
  a.keeper_ = std::make_unique<CredentialKeeper>(a.parts_.credential, save, clock, log);
  a.link_ =
      std::make_unique<Link>(executor, *a.keeper_, *a.spool_, clock, random, log, std::move(events), a.parts_.connect);
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
  if (auto done = spool_->place_times(*wall_minus_boot_us_); !done) {
    log_->error("cannot write the right times into the spool: {}", done.error().message());
  }
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
  close_frame();
  if (auto flushed = spool_->flush(); !flushed) log_->error("cannot write the spool: {}", flushed.error().message());
  status_.remove();
}

void Agent::stop() {
  stopping_ = true;
  sample_timer_.cancel();
  second_timer_.cancel();
  link_->stop();
}

boost::asio::awaitable<void> Agent::sample_loop() {
  while (!stopping_) {
    const std::int64_t now = clock_.now_us();
    const std::int64_t due = sampler_.next_due_us(now);
    sample_timer_.expires_after(std::chrono::microseconds(due - now));
    co_await sample_timer_.async_wait(kQuietly);
    if (stopping_) break;
    if (clock_.now_us() - due > parts_.config.interval_us) ++overruns_;
    take([&](const SampleTime& at, const Sampler::Sink& sink) { sampler_.sample_due(due, at, sink); });
    const std::int64_t age = clock_.boot_us() - opened_us_;
    const bool is_due = link_->is_welcomed()
                            ? builder_.readings() >= kReadingsAFrame || age >= 900'000
                            : builder_.readings() >= kReadingsAFrameAway || age >= parts_.config.flush_us;
    if (is_due) close_frame();
  }
}

// Readings into the builder, by the clock that is to be believed now.
void Agent::take(const std::function<void(const SampleTime&, const Sampler::Sink&)>& sample) {
  const SampleTime now{clock_.now_us() / 1'000 * 1'000, clock_.boot_us() / 1'000 * 1'000};
  const TimeBase base = clock_.synchronised() ? TimeBase::wall : TimeBase::boot;
  if (!builder_.fits(base)) close_frame();
  sample(now, [&](const Sampler::Reading& reading) {
    if (builder_.readings() == 0) opened_us_ = clock_.boot_us();
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
  spool_->append(link_->is_welcomed() ? 0 : 1, builder_.close(clock_, wall_minus_boot_us_));
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
    const std::int64_t now = clock_.boot_us();
    if (!parts_.simulated && now - looked_for_sensors_us_ >= kLookForSensorsUs) {
      looked_for_sensors_us_ = now;
      sampler_.find();
    }
    if (now - flushed_us_ >= parts_.config.flush_us) {
      flushed_us_ = now;
      // While the hub acknowledges at once there is nothing worth a write: an SD card is spared.
      if (!link_->is_welcomed() || spool_->held() > 4) {
        const auto flushed = spool_->flush();
        const std::string problem = flushed ? "" : flushed.error().message();
        if (problem != spool_problem_) {
          if (problem.empty())
            log_->info("the spool can be written again");
          else
            log_->error("cannot write the spool: {}; readings are kept in memory", problem);
          spool_problem_ = problem;
        }
      }
    }
    if (!parts_.simulated && now - told_us_ >= kStatusUs) {
      told_us_ = now;
      tell_status();
    }
  }
}

void Agent::tell_status() {
  boost::json::object status;
  status["state"] = link_->state();
  status["hub"] = parts_.credential.host + ":" + std::to_string(parts_.credential.port);
  status["device_id"] = parts_.credential.device_id;
  status["device_name"] = parts_.credential.device_name;
  status["held"] = spool_->held();
  status["spool_bytes"] = spool_->disk_bytes();
  status["spool_written_bytes"] = spool_->written_bytes();
  status["dropped_frames"] = spool_->dropped_frames();
  status["rejected_frames"] = link_->rejected_frames();
  status["sent_bytes"] = link_->sent_bytes();
  status["overruns"] = overruns_;
  status["active_alerts"] = alerts_->active();
  status["problem"] = spool_problem_.empty() ? boost::json::value(nullptr) : boost::json::value(spool_problem_);
  const auto problems = sampler_.problems();
  sensor_problems_.note(problems, clock_.boot_us());
  status["sensor_problems"] = boost::json::array(problems.begin(), problems.end());
  status["time_us"] = clock_.now_us();
  status["clock_synchronised"] = was_synchronised_;
  status["pid"] = ::getpid();
  const std::string meaning = link_->state().substr(0, link_->state().find(' ')) + spool_problem_ +
                              std::to_string(alerts_->active()) + (was_synchronised_ ? "s" : "");
  status_.write(boost::json::serialize(status) + "\n", meaning, clock_.boot_us());
}

}  // namespace agent
