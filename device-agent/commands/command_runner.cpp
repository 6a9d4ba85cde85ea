#include "device-agent/commands/command_runner.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "device-agent/commands/process.h"
#include "rules/json_schema.h"

namespace agent {
namespace {

using telemetry::v1::ExecutionUpdate;
constexpr std::size_t kMostArguments = 8 * 1'024;
constexpr std::size_t kMostRunning = 8;

std::string shown(const boost::json::value& v) {
  return v.is_string() ? std::string(v.get_string().data(), v.get_string().size()) : boost::json::serialize(v);
}

/// What is wrong with the arguments; empty: nothing. The hub has checked them: this is the device's own word.
std::string problem_of(const std::string& schema_json, const std::string& arguments_json) {
  if (arguments_json.size() > kMostArguments) return "the arguments are longer than 8 KiB";
  boost::system::error_code ec;
  const auto arguments = boost::json::parse(arguments_json.empty() ? "{}" : arguments_json, ec);
  if (ec || !arguments.is_object()) return "the arguments are not a JSON object";
  const auto schema = rules::JsonSchema::parse(schema_json);
  if (!schema) return "the schema of the arguments is unusable: " + schema.error().text();
  const auto problem = schema->check(arguments);
  return problem ? "arguments: " + problem->text() : std::string();
}

}  // namespace

std::optional<std::vector<std::string>> fill_arguments(const std::vector<std::string>& run,
                                                       const std::string& arguments_json) {
  boost::system::error_code ec;
  const auto parsed = boost::json::parse(arguments_json.empty() ? "{}" : arguments_json, ec);
  if (ec || !parsed.is_object()) return std::nullopt;
  std::vector<std::string> out;
  for (const auto& part : run) {
    std::string filled;
    for (std::size_t i = 0; i < part.size(); ++i) {
      const std::size_t end = part[i] == '{' ? part.find('}', i) : std::string::npos;
      if (end == std::string::npos) {
        filled.push_back(part[i]);
        continue;
      }
      const auto* value = parsed.get_object().if_contains(part.substr(i + 1, end - i - 1));
      if (value == nullptr) return std::nullopt;
      filled += shown(*value);
      i = end;
    }
    if (filled.find('\0') != std::string::npos) return std::nullopt;
    out.push_back(std::move(filled));
  }
  return out;
}

CommandRunner::CommandRunner(boost::asio::any_io_executor executor, std::vector<CommandConfig> commands,
                             CommandLedger ledger, const base::Clock& clock, std::shared_ptr<spdlog::logger> log,
                             std::function<void(const ExecutionUpdate&)> tell)
    : executor_(executor),
      commands_(std::move(commands)),
      ledger_(std::move(ledger)),
      hub_time_(clock),
      log_(log),
      tell_(std::move(tell)),
      tasks_(executor, [log](const std::exception& e) { log->error("a command failed: {}", e.what()); }) {}

const CommandConfig* CommandRunner::find(const std::string& name) const {
  for (const auto& c : commands_) {
    if (c.name == name) return &c;
  }
  return nullptr;
}

void CommandRunner::describe(telemetry::v1::Hello& hello) const {
  for (const auto& [name, run] : built_in_) hello.add_commands()->set_name(name);
  for (const auto& c : commands_) {
    auto& schema = *hello.add_commands();
    schema.set_name(c.name);
    schema.set_title(c.title);
    schema.set_arguments_schema_json(c.arguments_schema_json);
    schema.set_confirm(c.confirm);
    schema.set_role(c.role);
    schema.set_timeout_ms(c.timeout_ms);
  }
}

void CommandRunner::finish(ExecutionUpdate update) {
  update.set_revision(update.revision() + 1);
  if (auto stored = ledger_.put(update); !stored)
    log_->error("cannot write the command ledger: {}", stored.error().message());
  running_.erase(update.id());
  tell_(update);
}

void CommandRunner::request(const telemetry::v1::ExecutionRequest& request) {
  if (const auto it = running_.find(request.id()); it != running_.end()) return tell_(it->second.last);
  if (const auto known = ledger_.find(request.id())) {
    ExecutionUpdate again = *known;
    if (again.state() == telemetry::v1::EXECUTION_STATE_ACCEPTED ||
        again.state() == telemetry::v1::EXECUTION_STATE_RUNNING) {
      // Accepted by a process that is gone: nobody knows how far it came, and it is not run a second time.
      again.set_state(telemetry::v1::EXECUTION_STATE_UNCONFIRMED);
      again.set_error("the agent restarted while it ran");
      again.set_revision(again.revision() + 2);  // it may have told RUNNING, which is not in the ledger
      (void)ledger_.put(again);
    }
    return tell_(again);
  }
  ExecutionUpdate update;
  update.set_id(request.id());
  const auto end_with = [&](telemetry::v1::ExecutionState state, const std::string& why) {
    update.set_state(state);
    update.set_error(why);
    log_->warn("command {} ({}): {}", request.command(), request.id(), why);
    finish(update);
  };
  if (request.id().empty() || request.id().size() > 128) return;
  // Neither a wrong clock here nor a request that lay in a buffer on its way can make an old command run.
  hub_time_.heard(request.server_time_us());
  if (const auto now = hub_time_.now_us(); request.not_after_us() > 0 && now && *now > request.not_after_us()) {
    return end_with(telemetry::v1::EXECUTION_STATE_EXPIRED, "its deadline has passed");
  }
  const CommandConfig* command = find(request.command());
  const auto built_in = built_in_.find(request.command());
  if (command == nullptr && built_in == built_in_.end()) {
    return end_with(telemetry::v1::EXECUTION_STATE_REJECTED,
                    "this device does not allow \"" + request.command() + "\"");
  }
  const std::string schema = command != nullptr ? command->arguments_schema_json : "";
  if (const std::string wrong = problem_of(schema, request.arguments_json()); !wrong.empty()) {
    return end_with(telemetry::v1::EXECUTION_STATE_REJECTED, wrong);
  }
  std::vector<std::string> argv;
  if (command != nullptr) {
    auto filled = fill_arguments(command->run, request.arguments_json());
    if (!filled)
      return end_with(telemetry::v1::EXECUTION_STATE_REJECTED, "an argument that the command needs is missing");
    argv = std::move(*filled);
  }
  if (running_.size() >= kMostRunning) {
    return end_with(telemetry::v1::EXECUTION_STATE_REJECTED, "8 commands are running already");
  }
  update.set_state(telemetry::v1::EXECUTION_STATE_ACCEPTED);
  update.set_revision(1);
  if (auto stored = ledger_.put(update); !stored) {
    return end_with(telemetry::v1::EXECUTION_STATE_REJECTED,
                    "the command ledger cannot be written: " + stored.error().message());
  }
  tell_(update);
  log_->info("command {} ({}) accepted", request.command(), request.id());
  if (command == nullptr) {
    update.set_result_json(built_in->second());
    update.set_state(telemetry::v1::EXECUTION_STATE_SUCCEEDED);
    return finish(update);
  }
  auto cancelled = std::make_shared<bool>(false);
  running_[request.id()] = {cancelled, update};
  tasks_.spawn(run(command, std::move(argv), update, cancelled));
}

boost::asio::awaitable<void> CommandRunner::run(const CommandConfig* command, std::vector<std::string> argv,
                                                ExecutionUpdate update, std::shared_ptr<bool> cancelled) {
  if (!update.id().empty()) {
    update.set_state(telemetry::v1::EXECUTION_STATE_RUNNING);
    update.set_revision(update.revision() + 1);
    running_[update.id()].last = update;
    tell_(update);
  }
  const auto limit = std::chrono::milliseconds(command->timeout_ms);
  ProcessResult result = co_await run_process(std::move(argv), limit, cancelled);
  if (update.id().empty()) {
    log_->info("command {} ended with {}", command->name,
               result.started ? std::to_string(result.exit_code) : result.error);
    co_return;
  }
  using namespace telemetry::v1;
  update.set_exit_code(result.exit_code);
  update.set_output(std::move(result.output));
  if (!result.started) {
    update.set_state(EXECUTION_STATE_FAILED);
    update.set_error("cannot start " + command->run[0] + ": " + result.error);
  } else if (result.cancelled) {
    update.set_state(EXECUTION_STATE_CANCELLED);
    update.set_error("cancelled while it ran");
  } else if (result.timed_out) {
    update.set_state(EXECUTION_STATE_FAILED);
    update.set_error("killed after " + std::to_string(command->timeout_ms) + " ms");
  } else {
    update.set_state(result.exit_code == 0 ? EXECUTION_STATE_SUCCEEDED : EXECUTION_STATE_FAILED);
  }
  finish(std::move(update));
}

void CommandRunner::cancel(const std::string& id) {
  if (const auto it = running_.find(id); it != running_.end()) *it->second.is_cancelled = true;
}

bool CommandRunner::run_locally(const std::string& name, const std::string& why) {
  const CommandConfig* command = find(name);
  if (command == nullptr) return false;
  auto argv = fill_arguments(command->run, "{}");
  if (!argv) return false;
  log_->info("command {} runs: {}", name, why);
  tasks_.spawn(run(command, std::move(*argv), {}, std::make_shared<bool>(false)));
  return true;
}

boost::asio::awaitable<void> CommandRunner::stop() {
  for (auto& [id, running] : running_) *running.is_cancelled = true;
  co_await tasks_.join();
}

}  // namespace agent
