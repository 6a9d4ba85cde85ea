// Runs what the hub asks for and this device's own config allows: once, in time, bounded.
#pragma once

#include <spdlog/logger.h>

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "device-agent/commands/command_ledger.h"
#include "telemetry/v1/device.pb.h"
#include "wire/hub_time.h"
#include "wire/task_group.h"

namespace agent {

/// A command of the config: argv template ("{name}" is replaced inside an argument by the value of that argument), no
/// shell.
struct CommandConfig {
  std::string name, title, role = "operator";
  std::vector<std::string> run;
  std::string arguments_schema_json;
  std::uint32_t timeout_ms = 60'000;
  bool confirm = false;
};

/// Lives on the agent's thread. ACCEPTED is durable before anything runs; an id seen before is answered from the
/// ledger. Past its deadline (hub time, see wire::HubTime: however late the request came through) nothing runs:
/// EXPIRED. At most 8 run at once; more are rejected.
class CommandRunner {
 public:
  using BuiltIn = std::function<std::string()>;  // returns result JSON
  CommandRunner(boost::asio::any_io_executor executor, std::vector<CommandConfig> commands, CommandLedger ledger,
                const base::Clock& clock, std::shared_ptr<spdlog::logger> log,
                std::function<void(const telemetry::v1::ExecutionUpdate&)> tell);
  void add_built_in(const std::string& name, BuiltIn run) { built_in_[name] = std::move(run); }

  void describe(telemetry::v1::Hello& hello) const;
  /// A session began; what the hub calls the time.
  void welcomed(double server_time_us) { hub_time_.begin(server_time_us); }
  void request(const telemetry::v1::ExecutionRequest& request);
  void cancel(const std::string& id);
  /// For alerts: runs a configured command without anybody asking. False: there is no such command.
  bool run_locally(const std::string& name, const std::string& why);
  boost::asio::awaitable<void> stop();

 private:
  const CommandConfig* find(const std::string& name) const;
  void finish(telemetry::v1::ExecutionUpdate update);
  boost::asio::awaitable<void> run(const CommandConfig* command, std::vector<std::string> argv,
                                   telemetry::v1::ExecutionUpdate update, std::shared_ptr<bool> cancelled);

  boost::asio::any_io_executor executor_;
  std::vector<CommandConfig> commands_;
  CommandLedger ledger_;
  wire::HubTime hub_time_;
  std::shared_ptr<spdlog::logger> log_;
  std::function<void(const telemetry::v1::ExecutionUpdate&)> tell_;
  std::map<std::string, BuiltIn> built_in_;
  struct Running {
    std::shared_ptr<bool> is_cancelled;
    telemetry::v1::ExecutionUpdate last;  // told again when the hub asks
  };
  std::map<std::string, Running> running_;  // by id
  wire::TaskGroup tasks_;
};

/// The argv of a command with its arguments filled in; nothing where a placeholder has no argument.
std::optional<std::vector<std::string>> fill_arguments(const std::vector<std::string>& run,
                                                       const std::string& arguments_json);

}  // namespace agent
