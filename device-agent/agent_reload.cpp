// What of an Agent can change while it runs: its configuration, its interval, the commands it declares.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <cmath>

#include "device-agent/agent.h"
#include "device-agent/interval_override.h"

namespace agent {

void Agent::add_built_ins() {
  const auto has = [this](const char* name) {
    const auto& allowed = parts_.config.allowed;
    return !parts_.simulated && std::find(allowed.begin(), allowed.end(), name) != allowed.end();
  };
  const auto set = [this](BuiltIn command, bool is_allowed) {
    if (is_allowed)
      commands_->add_built_in(std::move(command));
    else
      commands_->remove_built_in(command.name);
  };
  set(make_set_interval([this](double seconds) { return set_interval(seconds); }), has("set-interval"));
  // Not from within the command: what it leaves for the next process must be written down first.
  auto restart = [this] { boost::asio::post(executor_, parts_.restart); };
  set(make_restart_agent(std::move(restart)), has("restart-agent") && parts_.restart);
  set(make_reboot(parts_.reboot, boot_id_hex_, *commands_), has("reboot"));
  auto set_output = [this](const std::string& name, bool value, std::optional<std::int64_t> for_us) {
    return outputs_->set(name, value, for_us);
  };
  set(make_set_output(outputs_->names(), std::move(set_output)), !outputs_->names().empty());
}

std::string Agent::set_interval(double seconds) {
  std::optional<std::int64_t> wanted_us;
  if (seconds != 0) wanted_us = std::llround(seconds * 1e3) * 1'000;
  if (auto saved = save_interval(parts_.state_folder, wanted_us, configured_interval_us_); !saved) {
    return "it cannot be kept: " + saved.error().message();
  }
  parts_.config.interval_us = wanted_us.value_or(configured_interval_us_);
  sampler_.set_interval(parts_.config.interval_us);
  sample_timer_.cancel();
  log_->info("sensors are read every {} ms from now on", parts_.config.interval_us / 1'000);
  return {};
}

/// What the configuration has to say in Hello.
void Agent::introduce(telemetry::v1::Hello& hello) const {
  commands_->describe(hello);
  const std::int64_t wake_s = parts_.config.wake_interval_us / 1'000'000;
  if (wake_s > 0) (*hello.mutable_attributes())["wake_interval_s"] = std::to_string(wake_s);
}

std::string Agent::announcement() const {
  telemetry::v1::Hello hello;
  introduce(hello);
  return hello.SerializeAsString();
}

void Agent::announce() {
  if (announcement() != announced_) link_->reconnect();
}

/// What the old sensors still hold is taken first; the first sample of the new ones only starts their rates.
void Agent::restart_sensors() {
  take([&](const SampleTime& at, const Sampler::Sink& sink) { sampler_.sample_all(at, sink); });
  sampler_.restart(sampler_options(), [this] { return find_all_sensors(); });
  sampler_.sample_all({clock_.now_us() / 1'000 * 1'000, clock_.boot_us() / 1'000 * 1'000},
                      [](const Sampler::Reading&) {});
}

void Agent::reload(AgentConfig config, std::function<Sensors()> find_sensors) {
  const AgentConfig before = std::move(parts_.config);
  parts_.config = std::move(config);
  parts_.find_sensors = std::move(find_sensors);
  configured_interval_us_ = parts_.config.interval_us;
  parts_.config.interval_us =
      load_interval(parts_.state_folder, configured_interval_us_).value_or(configured_interval_us_);
  const bool is_other_interval = parts_.config.interval_us != before.interval_us;
  if (parts_.config.sensor_part != before.sensor_part || parts_.config.disabled != before.disabled) {
    restart_sensors();
    sample_timer_.cancel();
  } else if (is_other_interval) {
    sampler_.set_interval(parts_.config.interval_us);
    sample_timer_.cancel();
  }
  batching_.set_limits({parts_.config.latency_us, parts_.config.flush_us});
  if (parts_.config.spool_bytes != before.spool_bytes) log_->warn("agent.spool_max counts from the next start on");
  if (!parts_.simulated) {
    outputs_->configure(parts_.config.outputs);
    commands_->set_commands(parts_.config.commands);
  }
  alerts_->set_config(parts_.config.alerts);
  add_built_ins();
  note_config_problem({});
  announce();
  log_->info("the configuration was read again: {} sensors, {} commands, {} outputs", sampler_.sensors(),
             parts_.config.commands.size(), parts_.config.outputs.size());
}

void Agent::note_config_problem(std::string problem) {
  config_problem_ = std::move(problem);
  tell_status();
}

/// The watchdog hears of it only while sensors are read in time: a sensor that hangs holds this thread, and a sampling
/// loop that is gone is late for ever. Both clocks stand still while the machine sleeps.
void Agent::watch_over_sampling() {
  constexpr auto kLate = std::chrono::seconds(10);
  if (parts_.service == nullptr) return;
  if (boost::asio::steady_timer::clock_type::now() - sample_timer_.expiry() < kLate) parts_.service->alive();
}

}  // namespace agent
