// What an Agent says of itself: to people, to the service manager, to the hub as series.
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

#include "device-agent/agent.h"

namespace agent {
namespace {

constexpr std::size_t kMostProblemsTold = 32;

}  // namespace

std::string Agent::problems() const {
  std::string text;
  const auto add = [&text](const std::string& more) {
    if (!more.empty()) text += (text.empty() ? "" : "; ") + more;
  };
  if (!spool_problem_.empty()) add("the spool cannot be written: " + spool_problem_ + ", readings are kept in memory");
  add(disk_problem_);
  if (link_) add(link_->problem());
  if (!config_problem_.empty()) add("the configuration is the old one: " + config_problem_);
  if (!placing_problem_.empty()) add("times could not be put right: " + placing_problem_);
  add(spool_findings_);
  for (const auto& problem : sampler_.problems()) add(problem);
  return text;
}

AgentHealth Agent::health() const {
  AgentHealth health;
  health.held_frames = static_cast<double>(spool_->held());
  health.spool_bytes = static_cast<double>(spool_->disk_bytes());
  health.spool_written = static_cast<double>(spool_->written_bytes());
  health.dropped_readings = static_cast<double>(spool_->dropped_readings());
  health.overruns = static_cast<double>(sampler_.times().missed);
  health.is_clock_synchronised = was_synchronised_;
  health.problems = problems_;
  return health;
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
  status["spool_memory_bytes"] = spool_->memory_bytes();
  status["sampled_readings"] = sampled_;
  status["dropped_frames"] = spool_->dropped_frames();
  status["dropped_readings"] = spool_->dropped_readings();
  status["rejected_frames"] = link_->rejected_frames();
  status["sent_bytes"] = link_->sent_bytes();
  const LinkCounters counters = link_->counters();
  status["link_problem"] = link_->problem();
  status["link_attempts"] = counters.attempts;
  status["link_sessions"] = counters.sessions;
  status["link_last_error"] = counters.last_error;
  status["link_address"] = counters.address;
  status["link_ack_ms"] = static_cast<double>(link_->frames().ack_us()) / 1e3;
  status["wire_sent_bytes"] = counters.wire_sent_bytes;
  status["wire_received_bytes"] = counters.wire_received_bytes;
  const SamplingTimes times = sampler_.times();
  status["overruns"] = times.missed;
  status["sampling"] = boost::json::object{{"turns", times.turns},           {"missed", times.missed},
                                           {"late_us", times.late_us},       {"late_p99_us", times.late_p99_us},
                                           {"late_max_us", times.latest_us}, {"slowest", times.slowest},
                                           {"slowest_us", times.slowest_us}};
  const auto hindered = sampler_.problems();
  boost::json::array told;
  for (std::size_t i = 0; i < std::min(hindered.size(), kMostProblemsTold); ++i) told.emplace_back(hindered[i]);
  status["sensor_problems"] = std::move(told);
  status["active_alerts"] = alerts_->active();
  const std::string problem = problems();
  status["problem"] = problem.empty() ? boost::json::value(nullptr) : boost::json::value(problem);
  status["config_problem"] =
      config_problem_.empty() ? boost::json::value(nullptr) : boost::json::value(config_problem_);
  status["interval_us"] = parts_.config.interval_us;
  status["configured_interval_us"] = configured_interval_us_;
  status["running_commands"] = commands_->running();
  if (!parts_.config.outputs.empty()) status["output_problems"] = boost::json::value_from(outputs_->problems());
  status["time_us"] = clock_.now_us();
  status["clock_synchronised"] = was_synchronised_;
  status["pid"] = ::getpid();
  const std::string meaning = link_->state().substr(0, link_->state().find(' ')) + problem +
                              std::to_string(alerts_->active()) + (was_synchronised_ ? "s" : "");
  if (parts_.service != nullptr) {
    parts_.service->status(link_->state() + "; " + std::to_string(sampler_.sensors()) + " sensors" +
                           (problem.empty() ? "" : "; " + problem));
  }
  status_.write(boost::json::serialize(status) + "\n", meaning, clock_.boot_us());
}

}  // namespace agent
