// Runs what the hub asks for and this device's own config allows: once, in time, bounded.
#pragma once

#include <spdlog/logger.h>

#include <boost/asio/any_io_executor.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "device-agent/commands/command.h"
#include "device-agent/commands/command_ledger.h"
#include "device-agent/commands/output_text.h"
#include "device-agent/commands/process.h"
#include "telemetry/v1/device.pb.h"
#include "wire/hub_time.h"
#include "wire/task_group.h"

namespace agent {

/// Lives on the agent's thread. ACCEPTED is durable before anything runs; an id seen before is answered from memory or
/// the ledger. Past its deadline (hub time, see wire::HubTime: however late the request came through) nothing runs:
/// EXPIRED; nor where nobody has said what time it is. At most 8 run at once for the hub and 8 for alerts; more are
/// refused. stop() ends what runs.
///
/// Output goes to the hub as it comes: RUNNING with what is new, at most twice a second, less and less often as the
/// program runs on (so a program of a day makes some 200 updates). What was told is kept until eight others have ended,
/// and told again when the hub asks: it drops what it has by the revision. Past the end of this process the ledger has
/// how it ended, with what could not be sent of its output.
class CommandRunner {
 public:
  /// False: the hub cannot be told now.
  using Tell = std::function<bool(const telemetry::v1::ExecutionUpdate&)>;
  CommandRunner(boost::asio::any_io_executor executor, std::vector<CommandConfig> commands, CommandLedger ledger,
                const base::Clock& clock, std::shared_ptr<spdlog::logger> log, Tell tell);
  void add_built_in(BuiltIn command);
  void remove_built_in(const std::string& name) { built_in_.erase(name); }
  /// Another configuration; what runs goes on as it began.
  void set_commands(std::vector<CommandConfig> commands) { commands_ = std::move(commands); }

  void describe(telemetry::v1::Hello& hello) const;
  /// A session began; what the hub calls the time.
  void welcomed(double server_time_us) { hub_time_.begin(server_time_us); }
  void request(const telemetry::v1::ExecutionRequest& request);
  void cancel(const std::string& id);
  /// The end of a built-in command that was pending. `error` empty: it succeeded.
  void settle(const std::string& id, const std::string& result_json, const std::string& error);
  /// What a pending built-in command does meanwhile; it ends soon after `*end_flag(id)` is set.
  void spawn(boost::asio::awaitable<void> task) { tasks_.spawn(std::move(task)); }
  std::shared_ptr<bool> end_flag(const std::string& id) const { return running_.at(id).is_cancelled; }
  bool is_stopping() const { return stopping_; }
  /// Once, before the first request: what built-in commands of an earlier process left pending. Nothing: it stays
  /// unknown.
  using Settle = std::function<std::optional<BuiltInAnswer>(const std::string& pending)>;
  void settle_interrupted(const Settle& settle);
  /// For alerts: runs a configured command without anybody asking. False: there is no such command, or it cannot run.
  bool run_locally(const std::string& name, const std::string& why);
  boost::asio::awaitable<void> stop();
  /// Of the hub's executions, running now.
  std::size_t running() const { return running_.size(); }

 private:
  struct Told {
    telemetry::v1::ExecutionUpdate update;
    bool was_sent = false;
  };
  struct Running {
    std::shared_ptr<bool> is_cancelled;
    std::vector<Told> told;  // in order; told again when the hub asks
  };
  /// The part of run() that talks.
  struct Progress {
    OutputText text;
    std::int64_t began_us = 0, told_us = 0;
    std::uint32_t told_percent = 0;
  };
  const CommandConfig* find(const std::string& name) const;
  bool answer_known(const std::string& id);
  void begin(const telemetry::v1::ExecutionRequest& request, const CommandConfig* command, const BuiltIn* built_in,
             const boost::json::object& arguments, std::vector<std::string> argv);
  void run_built_in(const BuiltIn& command, const boost::json::object& arguments,
                    telemetry::v1::ExecutionUpdate update);
  void finish(telemetry::v1::ExecutionUpdate update);
  void refuse(const telemetry::v1::ExecutionRequest& request, telemetry::v1::ExecutionState state,
              const std::string& why);
  void tell(const telemetry::v1::ExecutionUpdate& update);
  void tell_again(std::vector<Told>& told);
  void tell_progress(telemetry::v1::ExecutionUpdate& update, Progress& progress);
  boost::asio::awaitable<void> run(CommandConfig command, std::vector<std::string> argv,
                                   telemetry::v1::ExecutionUpdate update, std::shared_ptr<bool> cancelled);
  boost::asio::awaitable<void> run_unasked(CommandConfig command, std::vector<std::string> argv,
                                           std::shared_ptr<bool> cancelled);

  std::vector<CommandConfig> commands_;
  CommandLedger ledger_;
  const base::Clock& clock_;
  wire::HubTime hub_time_;
  std::shared_ptr<spdlog::logger> log_;
  Tell tell_;
  std::map<std::string, BuiltIn> built_in_;
  std::map<std::string, Running> running_;           // by id
  std::deque<std::vector<Told>> ended_;              // the last 8: the hub may not have got all of it
  std::set<std::shared_ptr<bool>> running_unasked_;  // how to end each
  bool stopping_ = false;
  wire::TaskGroup tasks_;
};

}  // namespace agent
