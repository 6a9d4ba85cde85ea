#include "device-agent/commands/command_runner.h"

#include <cmath>

#include "device-agent/commands/command_arguments.h"

namespace agent {
namespace {

using telemetry::v1::ExecutionUpdate;
constexpr std::size_t kMostRunning = 8;
constexpr std::size_t kMostTold = 500;
constexpr std::uint32_t kPastAllTold = 1'000;  // revisions of a process that is gone: at most kMostTold and a few
constexpr std::int64_t kTellEveryUs = 500'000;

bool is_open(telemetry::v1::ExecutionState state) {
  return state == telemetry::v1::EXECUTION_STATE_ACCEPTED || state == telemetry::v1::EXECUTION_STATE_RUNNING;
}

ChildSetup child_of(const CommandConfig& command, std::vector<std::string> argv, const std::string& id) {
  ChildSetup setup;
  setup.argv = std::move(argv);
  setup.user = command.user;
  setup.folder = command.folder;
  setup.environment["TELEMETRY_COMMAND"] = command.name;
  if (!id.empty()) setup.environment["TELEMETRY_EXECUTION"] = id;
  return setup;
}

}  // namespace

CommandRunner::CommandRunner(boost::asio::any_io_executor executor, std::vector<CommandConfig> commands,
                             CommandLedger ledger, const base::Clock& clock, std::shared_ptr<spdlog::logger> log,
                             Tell tell)
    : commands_(std::move(commands)),
      ledger_(std::move(ledger)),
      clock_(clock),
      hub_time_(clock),
      log_(log),
      tell_(std::move(tell)),
      tasks_(executor, [log](const std::exception& e) { log->error("a command failed: {}", e.what()); }) {}

void CommandRunner::add_built_in(BuiltIn command) {
  std::string name = command.name;
  built_in_.insert_or_assign(std::move(name), std::move(command));
}

const CommandConfig* CommandRunner::find(const std::string& name) const {
  for (const auto& c : commands_) {
    if (c.name == name) return &c;
  }
  return nullptr;
}

void CommandRunner::describe(telemetry::v1::Hello& hello) const {
  const auto add = [&hello](const auto& c) {
    auto& schema = *hello.add_commands();
    schema.set_name(c.name);
    schema.set_title(c.title);
    schema.set_arguments_schema_json(c.arguments_schema_json);
    schema.set_confirm(c.confirm);
    schema.set_role(c.role);
    schema.set_timeout_ms(c.timeout_ms);
  };
  for (const auto& [name, command] : built_in_) add(command);
  for (const auto& c : commands_) add(c);
}

/// Where the hub cannot be told now, it asks again when it is connected.
void CommandRunner::tell(const ExecutionUpdate& update) {
  const bool was_sent = tell_(update);
  if (const auto it = running_.find(update.id()); it != running_.end()) it->second.told.push_back({update, was_sent});
}

void CommandRunner::tell_again(std::vector<Told>& told) {
  for (auto& one : told) one.was_sent = tell_(one.update);
}

void CommandRunner::finish(ExecutionUpdate update) {
  update.set_revision(update.revision() + 1);
  ExecutionUpdate kept = update;
  const auto it = running_.find(update.id());
  if (it != running_.end()) {
    std::string unsent;
    for (const auto& one : it->second.told) unsent += one.was_sent ? std::string() : one.update.output();
    kept.set_output(unsent + update.output());
  }
  if (auto stored = ledger_.put(kept); !stored)
    log_->error("cannot write the command ledger: {}", stored.error().message());
  tell(update);
  if (it == running_.end()) return;
  ended_.push_back(std::move(it->second.told));
  if (ended_.size() > kMostRunning) ended_.pop_front();
  running_.erase(it);
}

/// Nothing has run, and nobody will run it: that needs no place on the disk, which a hub could otherwise wear out.
void CommandRunner::refuse(const telemetry::v1::ExecutionRequest& request, telemetry::v1::ExecutionState state,
                           const std::string& why) {
  ExecutionUpdate update;
  update.set_id(request.id());
  update.set_state(state);
  update.set_error(why);
  update.set_revision(1);
  log_->warn("command {} ({}): {}", request.command().substr(0, 64), request.id(), why);
  ledger_.remember(update);
  tell(update);
}

/// Asked for before: the answer is told again, and nothing runs.
bool CommandRunner::answer_known(const std::string& id) {
  if (const auto it = running_.find(id); it != running_.end()) {
    tell_again(it->second.told);
    return true;
  }
  for (auto& told : ended_) {
    if (told.front().update.id() != id) continue;
    tell_again(told);
    return true;
  }
  auto known = ledger_.find(id);
  if (!known) return false;
  if (is_open(known->state())) {
    // Accepted by a process that is gone: nobody knows how far it came, and it is not run a second time.
    known->set_state(telemetry::v1::EXECUTION_STATE_UNCONFIRMED);
    known->set_error("the agent restarted while it ran");
    known->clear_result_json();
    known->set_revision(known->revision() + kPastAllTold);
    (void)ledger_.put(*known);
  }
  (void)tell_(*known);
  return true;
}

void CommandRunner::request(const telemetry::v1::ExecutionRequest& request) {
  using namespace telemetry::v1;
  if (request.id().empty() || request.id().size() > 128) return;
  if (answer_known(request.id()) || stopping_) return;
  // Neither a wrong clock here nor a request that lay in a buffer on its way can make an old command run.
  hub_time_.heard(request.server_time_us());
  if (!std::isfinite(request.not_after_us()) || request.not_after_us() < 0) {
    return refuse(request, EXECUTION_STATE_REJECTED, "its deadline is no time");
  }
  if (request.not_after_us() > 0) {
    const auto now = hub_time_.now_us();
    if (!now) return refuse(request, EXECUTION_STATE_REJECTED, "the hub has not said what time it is");
    if (*now > request.not_after_us()) return refuse(request, EXECUTION_STATE_EXPIRED, "its deadline has passed");
  }
  const CommandConfig* command = find(request.command());
  const auto built_in = built_in_.find(request.command());
  if (command == nullptr && built_in == built_in_.end()) {
    return refuse(request, EXECUTION_STATE_REJECTED,
                  "this device does not allow \"" + request.command().substr(0, 64) + "\"");
  }
  boost::json::object arguments;
  const std::string& schema =
      command != nullptr ? command->arguments_schema_json : built_in->second.arguments_schema_json;
  if (const auto wrong = read_arguments(schema, request.arguments_json(), arguments)) {
    return refuse(request, EXECUTION_STATE_REJECTED, *wrong);
  }
  std::vector<std::string> argv;
  if (command != nullptr) {
    if (const auto wrong = fill_template(command->run, command->allow_dash, arguments, argv)) {
      return refuse(request, EXECUTION_STATE_REJECTED, *wrong);
    }
  }
  if (running_.size() >= kMostRunning)
    return refuse(request, EXECUTION_STATE_REJECTED, "8 commands are running already");
  begin(request, command, command == nullptr ? &built_in->second : nullptr, arguments, std::move(argv));
}

void CommandRunner::begin(const telemetry::v1::ExecutionRequest& request, const CommandConfig* command,
                          const BuiltIn* built_in, const boost::json::object& arguments,
                          std::vector<std::string> argv) {
  ExecutionUpdate update;
  update.set_id(request.id());
  update.set_state(telemetry::v1::EXECUTION_STATE_ACCEPTED);
  update.set_revision(1);
  if (auto stored = ledger_.put(update); !stored) {
    return refuse(request, telemetry::v1::EXECUTION_STATE_REJECTED,
                  "the command ledger cannot be written: " + stored.error().message());
  }
  auto cancelled = std::make_shared<bool>(false);
  running_[request.id()] = {cancelled, {}};
  tell(update);
  log_->info("command {} ({}) accepted", request.command(), request.id());
  if (built_in != nullptr) return run_built_in(*built_in, arguments, std::move(update));
  tasks_.spawn(run(*command, std::move(argv), update, cancelled));
}

void CommandRunner::run_built_in(const BuiltIn& command, const boost::json::object& arguments, ExecutionUpdate update) {
  const BuiltInAnswer answer = command.run(update.id(), arguments);
  if (!answer.pending.empty()) {
    update.set_state(telemetry::v1::EXECUTION_STATE_RUNNING);
    update.set_revision(update.revision() + 1);
    tell(update);
    update.set_result_json(answer.pending);  // in the ledger only: what the next process makes of it
    if (auto stored = ledger_.put(update); !stored)
      log_->error("cannot write the command ledger: {}", stored.error().message());
    return;
  }
  update.set_state(answer.error.empty() ? telemetry::v1::EXECUTION_STATE_SUCCEEDED
                                        : telemetry::v1::EXECUTION_STATE_FAILED);
  update.set_result_json(answer.result_json);
  update.set_error(answer.error);
  finish(std::move(update));
}

void CommandRunner::settle(const std::string& id, const std::string& result_json, const std::string& error) {
  const auto it = running_.find(id);
  if (it == running_.end()) return;
  ExecutionUpdate update = it->second.told.back().update;
  update.clear_output();
  update.set_state(error.empty() ? telemetry::v1::EXECUTION_STATE_SUCCEEDED : telemetry::v1::EXECUTION_STATE_FAILED);
  update.set_result_json(result_json);
  update.set_error(error);
  finish(std::move(update));
}

void CommandRunner::settle_interrupted(const Settle& settle) {
  for (auto& update : ledger_.all()) {
    if (!is_open(update.state()) || update.result_json().empty()) continue;
    const auto answer = settle(update.result_json());
    if (!answer) continue;
    update.set_state(answer->error.empty() ? telemetry::v1::EXECUTION_STATE_SUCCEEDED
                                           : telemetry::v1::EXECUTION_STATE_FAILED);
    update.set_result_json(answer->result_json);
    update.set_error(answer->error);
    update.set_revision(update.revision() + kPastAllTold);
    if (auto stored = ledger_.put(update); !stored)
      log_->error("cannot write the command ledger: {}", stored.error().message());
  }
}

void CommandRunner::tell_progress(ExecutionUpdate& update, Progress& progress) {
  auto& told = running_[update.id()].told;
  const std::int64_t now = clock_.boot_us();
  const bool is_news = progress.text.has_more() || progress.text.progress_percent() != progress.told_percent;
  const std::int64_t pause = std::max(kTellEveryUs, (now - progress.began_us) / 16);
  if (!is_news || now - progress.told_us < pause || told.size() >= kMostTold) return;
  ExecutionUpdate next = update;
  next.set_revision(update.revision() + 1);
  next.set_progress_percent(progress.text.progress_percent());
  next.set_output(progress.text.take(false));
  // Kept in any case: what the hub does not get now it gets when it asks again.
  update.set_revision(next.revision());
  progress.told_us = now;
  progress.told_percent = next.progress_percent();
  tell(next);
}

boost::asio::awaitable<void> CommandRunner::run(CommandConfig command, std::vector<std::string> argv,
                                                ExecutionUpdate update, std::shared_ptr<bool> cancelled) {
  using namespace telemetry::v1;
  update.set_state(EXECUTION_STATE_RUNNING);
  update.set_revision(update.revision() + 1);
  tell(update);
  Progress progress;
  progress.began_us = progress.told_us = clock_.boot_us();
  const auto limit = std::chrono::milliseconds(command.timeout_ms);
  ChildSetup setup = child_of(command, std::move(argv), update.id());
  TakeOutput take = [&](std::string_view bytes) {
    progress.text.add(bytes);
    tell_progress(update, progress);
  };
  ProcessResult result = co_await run_process(std::move(setup), limit, cancelled, std::move(take));
  update.set_exit_code(result.exit_code);
  update.set_output(progress.text.take(true));
  update.set_progress_percent(progress.text.progress_percent());
  if (!result.started) {
    update.set_state(EXECUTION_STATE_FAILED);
    update.set_error("cannot start " + command.run[0] + ": " + result.error);
  } else if (result.cancelled) {
    update.set_state(EXECUTION_STATE_CANCELLED);
    update.set_error(stopping_ ? "ended with the agent while it ran" : "cancelled while it ran");
  } else if (result.timed_out) {
    update.set_state(EXECUTION_STATE_FAILED);
    update.set_error("killed after " + std::to_string(command.timeout_ms) + " ms");
  } else {
    update.set_state(result.exit_code == 0 ? EXECUTION_STATE_SUCCEEDED : EXECUTION_STATE_FAILED);
  }
  finish(std::move(update));
}

boost::asio::awaitable<void> CommandRunner::run_unasked(CommandConfig command, std::vector<std::string> argv,
                                                        std::shared_ptr<bool> cancelled) {
  const auto limit = std::chrono::milliseconds(command.timeout_ms);
  ChildSetup setup = child_of(command, std::move(argv), {});
  TakeOutput take = [](std::string_view) {};
  ProcessResult result = co_await run_process(std::move(setup), limit, cancelled, std::move(take));
  running_unasked_.erase(cancelled);
  if (!result.started) {
    log_->error("command {} cannot start: {}", command.name, result.error);
  } else {
    log_->info("command {} ended with {}{}", command.name, result.exit_code, result.timed_out ? ", at its limit" : "");
  }
}

void CommandRunner::cancel(const std::string& id) {
  if (const auto it = running_.find(id); it != running_.end()) *it->second.is_cancelled = true;
}

bool CommandRunner::run_locally(const std::string& name, const std::string& why) {
  const CommandConfig* command = find(name);
  boost::json::object arguments;
  std::vector<std::string> argv;
  if (stopping_ || command == nullptr || running_unasked_.size() >= kMostRunning ||
      read_arguments(command->arguments_schema_json, "{}", arguments) ||
      fill_template(command->run, command->allow_dash, arguments, argv)) {
    return false;
  }
  log_->info("command {} runs: {}", name, why);
  auto cancelled = std::make_shared<bool>(false);
  running_unasked_.insert(cancelled);
  tasks_.spawn(run_unasked(*command, std::move(argv), cancelled));
  return true;
}

boost::asio::awaitable<void> CommandRunner::stop() {
  stopping_ = true;
  for (auto& [id, running] : running_) *running.is_cancelled = true;
  for (const auto& flag : running_unasked_) *flag = true;
  co_await tasks_.join();
}

}  // namespace agent
