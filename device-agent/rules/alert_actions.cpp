#include "device-agent/rules/alert_actions.h"

#include <algorithm>
#include <set>

namespace agent {
namespace {

constexpr std::size_t kMostActive = 1'000;
constexpr std::int64_t kLongestLease = 3'600'000'000LL;

}  // namespace

AlertActions::AlertActions(std::vector<AlertConfig> config, const base::Clock& clock,
                           std::shared_ptr<spdlog::logger> log,
                           std::function<bool(const std::string&, const std::string&)> run,
                           std::function<void(const telemetry::v1::LeaseState&)> tell)
    : config_(std::move(config)), clock_(clock), log_(std::move(log)), run_(std::move(run)), tell_(std::move(tell)) {}

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
  active_[lease.alert_id()] = {lease.rule(), clock_.boot_us() + life};
  const AlertConfig* config = find(lease.rule());
  const std::string what = "alert \"" + lease.rule() + "\" (" + lease.severity() + "): " + lease.series() + " is " +
                           std::to_string(lease.value());
  if (config == nullptr) {
    answer.set_action("none");
  } else if (config->action == "log") {
    log_->warn("{}", what);
    answer.set_action("log");
  } else {
    answer.set_action("command:" + config->command);
    if (!run_(config->command, what))
      answer.set_error("there is no command \"" + config->command + "\" that runs without arguments");
  }
  tell_(answer);
}

void AlertActions::end(const std::string& id, const std::string& why) {
  const auto it = active_.find(id);
  if (it == active_.end()) return;
  const AlertConfig* config = find(it->second.rule);
  if (config != nullptr) {
    const std::string what = "alert \"" + it->second.rule + "\" is over: " + why;
    if (config->action == "log") log_->info("{}", what);
    if (!config->clear_command.empty() && !run_(config->clear_command, what)) {
      log_->error("{}: there is no command \"{}\" that runs without arguments", what, config->clear_command);
    }
  }
  active_.erase(it);
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
