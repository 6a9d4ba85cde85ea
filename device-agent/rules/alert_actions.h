// What this device does about the hub's alerts: leased state, acted on once.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "telemetry/v1/device.pb.h"

namespace agent {

struct AlertConfig {
  std::string rule = "*";      // the rule's name, or * for all
  std::string action = "log";  // "log", "command" with `command`, or "output" with `output`
  std::string command;         // when it fires
  std::string clear_command;   // when it is over, or the lease ran out
  std::string output = {};     // gets `value` when it fires, and its fail-safe when the last alert that did so is over
  bool value = true;
};

/// What alerts do to the machine. Each says what hinders it, or nothing.
struct AlertEffects {
  std::function<std::string(const std::string& command, const std::string& why)> run;
  std::function<std::string(const std::string& output, std::optional<bool> value)> set_output;  // none: its fail-safe
};

/// Lives on the agent's thread. An alert acts once when its lease becomes active, however often it is renewed or the
/// link comes back; past the lease's end without a renewal (hub time, mapped to boot time) it falls back as if it were
/// over. Holds at most 1,000 alerts; more are refused with an error to the hub.
class AlertActions {
 public:
  AlertActions(std::vector<AlertConfig> config, const base::Clock& clock, std::shared_ptr<spdlog::logger> log,
               AlertEffects effects, std::function<void(const telemetry::v1::LeaseState&)> tell);

  void lease(const telemetry::v1::AlertLease& lease);
  /// Welcome's list is the whole truth: what is not on it is over.
  void replace_all(const google::protobuf::RepeatedPtrField<telemetry::v1::AlertLease>& leases);
  void tick();  // each second
  /// Another configuration: what is active stays, and ends by the new one.
  void set_config(std::vector<AlertConfig> config) { config_ = std::move(config); }
  std::size_t active() const { return active_.size(); }

 private:
  struct Active {
    std::string rule;
    std::int64_t ends_boot_us = 0;
    std::string output;  // that it has switched
  };
  const AlertConfig* find(const std::string& rule) const;
  void act(const AlertConfig& config, const std::string& what, telemetry::v1::LeaseState& answer);
  void end(const std::string& id, const std::string& why);

  std::vector<AlertConfig> config_;
  const base::Clock& clock_;
  std::shared_ptr<spdlog::logger> log_;
  AlertEffects effects_;
  std::function<void(const telemetry::v1::LeaseState&)> tell_;
  std::map<std::string, Active> active_;
};

}  // namespace agent
