#include "device-agent/agent.h"

#include <sys/utsname.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

constexpr std::size_t kReadingsAFrame = 100;
constexpr std::size_t kReadingsAFrameAway = 1'000;  // nobody waits: fewer, larger frames
constexpr auto kWait = boost::asio::as_tuple(boost::asio::use_awaitable);

/// Hides what the config does not want.
class Filtered final : public Sensor {
 public:
  Filtered(std::unique_ptr<Sensor> inner, std::vector<bool> wanted)
      : inner_(std::move(inner)), wanted_(std::move(wanted)) {}
  const std::vector<SeriesSpec>& series() const override { return inner_->series(); }
  void sample(const SampleTime& now, std::vector<Sample>& out) override {
    const std::size_t before = out.size();
    inner_->sample(now, out);
    for (std::size_t i = out.size(); i > before; --i) {
      if (!wanted_[out[i - 1].index]) out.erase(out.begin() + static_cast<std::ptrdiff_t>(i - 1));
    }
  }

 private:
  std::unique_ptr<Sensor> inner_;
  std::vector<bool> wanted_;
};

}  // namespace

bool is_disabled_series(const std::string& name, const std::vector<std::string>& disabled) {
  for (const auto& d : disabled) {
    if (d == name) return true;
    if (!d.empty() && d.back() == '*' && name.compare(0, d.size() - 1, d, 0, d.size() - 1) == 0) return true;
  }
  return false;
}

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

Sensors without_disabled(Sensors sensors, const std::vector<std::string>& disabled) {
  Sensors out;
  for (auto& sensor : sensors) {
    std::vector<bool> wanted;
    bool all = true, any = false;
    for (const auto& spec : sensor->series()) {
      wanted.push_back(!is_disabled_series(spec.name, disabled));
      all = all && wanted.back();
      any = any || wanted.back();
    }
    if (all) {
      out.push_back(std::move(sensor));
    } else if (any) {
      out.push_back(std::make_unique<Filtered>(std::move(sensor), std::move(wanted)));
    }
  }
  return out;
}

Agent::Agent(boost::asio::any_io_executor executor, Parts parts, const base::Clock& clock,
             std::shared_ptr<spdlog::logger> log)
    : executor_(executor),
      parts_(std::move(parts)),
      clock_(clock),
      log_(log),
      sample_timer_(executor),
      second_timer_(executor),
      tasks_(executor, [log](const std::exception& e) { log->error("{}", e.what()); }) {}

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
    std::string values = a.sample_all();
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
    utsname name{};
    if (::uname(&name) == 0) {
      attributes["kernel"] = name.release;
      attributes["arch"] = name.machine;
      attributes["hostname"] = name.nodename;
    }
    if (const auto model = read_line("/proc/device-tree/model")) attributes["model"] = model->c_str();
    attributes["agent"] = TELEMETRY_VERSION;
    if (a.parts_.simulated) attributes["simulated"] = "true";
  };
  events.welcomed = [&a](const telemetry::v1::Welcome& welcome) { a.alerts_->replace_all(welcome.leases()); };
  events.message = [&a](const telemetry::v1::HubMessage& message) { a.on_message(message); };
  a.link_ = std::make_unique<Link>(executor, a.parts_.credential, *a.spool_, clock, random, log, std::move(events));
  return agent;
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
  if (builder_.readings() > 0) close_frame();
  if (auto flushed = spool_->flush(); !flushed) log_->error("cannot write the spool: {}", flushed.error().message());
}

void Agent::stop() {
  stopping_ = true;
  sample_timer_.cancel();
  second_timer_.cancel();
  link_->stop();
}

// Aligned to the interval, so that all devices of a hub sample at the same instants.
boost::asio::awaitable<void> Agent::sample_loop() {
  const std::int64_t interval = parts_.config.interval_us;
  while (!stopping_) {
    const std::int64_t now = clock_.now_us();
    const std::int64_t next = (now / interval + 1) * interval;
    sample_timer_.expires_after(std::chrono::microseconds(next - now));
    co_await sample_timer_.async_wait(kWait);
    if (stopping_) break;
    if (clock_.now_us() - next > interval) ++overruns_;
    (void)sample_all();
    const std::int64_t age = clock_.boot_us() - opened_us_;
    const bool due = link_->is_welcomed() ? builder_.readings() >= kReadingsAFrame || age >= 900'000
                                          : builder_.readings() >= kReadingsAFrameAway || age >= parts_.config.flush_us;
    if (due && builder_.readings() > 0) close_frame();
  }
}

std::string Agent::sample_all() {
  const std::int64_t now_us = clock_.now_us() / 1'000 * 1'000;
  const auto interval_ms = static_cast<std::uint32_t>(parts_.config.interval_us / 1'000);
  boost::json::object values;
  std::vector<Sample> samples;
  for (const auto& sensor : parts_.sensors) {
    samples.clear();
    sensor->sample({now_us, clock_.boot_us()}, samples);
    for (const auto& sample : samples) {
      const SeriesSpec& spec = sensor->series()[sample.index];
      const auto* number = std::get_if<double>(&sample.value);
      if (number != nullptr && !std::isfinite(*number)) continue;
      if (builder_.readings() == 0) opened_us_ = clock_.boot_us();
      builder_.add(builder_.alias(spec.name, spec.unit, static_cast<int>(spec.type), interval_ms), now_us,
                   sample.value);
      std::visit([&](const auto& v) { values[spec.name] = v; }, sample.value);
    }
  }
  return boost::json::serialize(values);
}

void Agent::close_frame() {
  spool_->append(link_->is_welcomed() ? 0 : 1, builder_.close(clock_));
  spool_->set_definitions(builder_.definitions());
  link_->pump();
}

boost::asio::awaitable<void> Agent::housekeeping() {
  int seconds = 0;
  while (!stopping_) {
    second_timer_.expires_after(std::chrono::seconds(1));
    co_await second_timer_.async_wait(kWait);
    if (stopping_) break;
    alerts_->tick();
    link_->pump();
    const std::int64_t now = clock_.boot_us();
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
    if (!parts_.simulated && ++seconds % 2 == 0) write_status();
  }
}

void Agent::write_status() const {
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
  status["time_us"] = clock_.now_us();
  // Renamed into place, not fsynced: it is for a look, and a card should not pay for it.
  const std::string path = parts_.state_folder + "/status.json";
  std::ofstream(path + ".new") << boost::json::serialize(status) << "\n";
  std::error_code ec;
  std::filesystem::rename(path + ".new", path, ec);
}

}  // namespace agent
