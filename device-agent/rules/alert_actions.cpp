#include "device-agent/rules/alert_actions.h"

#include <algorithm>
#include <set>

namespace agent {
namespace {

constexpr std::size_t kMostActive = 1'000;
constexpr std::int64_t kLongestLease = 3'600'000'000LL;

}  // namespace

AlertActions::AlertActions(std::vector<AlertConfig> config, const base::Clock& clock,
                           std::shared_ptr<spdlog::logger> log, AlertEffects effects,
                           std::function<void(const telemetry::v1::LeaseState&)> tell)
    : config_(std::move(config)),
      clock_(clock),
      log_(std::move(log)),
      effects_(std::move(effects)),
      tell_(std::move(tell)) {}

const AlertConfig* AlertActions::find(const std::string& rule) const {
  const AlertConfig* any = nullptr;
  for (const auto& c : config_) {
    if (c.rule == rule) return &c;
    if (c.rule == "*") any = &c;
  }
  return any;
}

void AlertActions::lease(const telemetry::v1::AlertLease& lease) {
  telemetry::v1::LeaseState answer;
  answer.set_alert_id(lease.alert_id());
  answer.set_revision(lease.revision());
  if (!lease.active()) {
    end(lease.alert_id(), "resolved");
    return;
  }
  const double remaining = lease.expires_us() - lease.server_time_us();
  if (!(remaining > 0)) {  // NaN as well
    end(lease.alert_id(), "its lease has ended");
    return;
  }
  const auto life = static_cast<std::int64_t>(std::min(remaining, static_cast<double>(kLongestLease)));
  if (const auto it = active_.find(lease.alert_id()); it != active_.end()) {
    it->second.ends_boot_us = clock_.boot_us() + life;
    return;
  }
  if (active_.size() >= kMostActive) {
    answer.set_action("none");
    answer.set_error("this device holds 1000 alerts already");
    return tell_(answer);
  }
  auto& active = active_[lease.alert_id()];
  active = {lease.rule(), clock_.boot_us() + life, {}};
  const AlertConfig* config = find(lease.rule());
  const std::string what = "alert \"" + lease.rule() + "\" (" + lease.severity() + "): " + lease.series() + " is " +
                           std::to_string(lease.value());
  if (config == nullptr) {
    answer.set_action("none");
  } else {
    if (config->action == "output") active.output = config->output;
    act(*config, what, answer);
  }
  tell_(answer);
}

void AlertActions::act(const AlertConfig& config, const std::string& what, telemetry::v1::LeaseState& answer) {
  if (config.action == "log") {
    log_->warn("{}", what);
    answer.set_action("log");
    return;
  }
  const bool is_output = config.action == "output";
  answer.set_action(is_output ? "output:" + config.output : "command:" + config.command);
  answer.set_error(is_output ? effects_.set_output(config.output, config.value) : effects_.run(config.command, what));
  if (!answer.error().empty()) log_->error("{}: {}", what, answer.error());
}

void AlertActions::end(const std::string& id, const std::string& why) {
  const auto it = active_.find(id);
  if (it == active_.end()) return;
  const Active over = std::move(it->second);
  active_.erase(it);
  const AlertConfig* config = find(over.rule);
  const std::string what = "alert \"" + over.rule + "\" is over: " + why;
  std::string problem;
  if (config != nullptr && config->action == "log") log_->info("{}", what);
  if (config != nullptr && !config->clear_command.empty()) problem = effects_.run(config->clear_command, what);
  const bool is_shared = std::any_of(active_.begin(), active_.end(),
                                     [&over](const auto& other) { return other.second.output == over.output; });
  if (!over.output.empty() && !is_shared) problem = effects_.set_output(over.output, std::nullopt);
  if (!problem.empty()) log_->error("{}: {}", what, problem);
}

void AlertActions::replace_all(const google::protobuf::RepeatedPtrField<telemetry::v1::AlertLease>& leases) {
  std::set<std::string> listed;
  for (const auto& l : leases) listed.insert(l.alert_id());
  std::vector<std::string> over;
  for (const auto& [id, alert] : active_) {
    if (!listed.contains(id)) over.push_back(id);
  }
  for (const auto& id : over) end(id, "resolved while the hub was away");
  for (const auto& l : leases) lease(l);
}

void AlertActions::tick() {
  std::vector<std::string> over;
  for (const auto& [id, alert] : active_) {
    if (alert.ends_boot_us <= clock_.boot_us()) over.push_back(id);
  }
  for (const auto& id : over) end(id, "the hub has not renewed its lease");
}

}  // namespace agent
