#include "device-agent/commands/built_ins.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace agent {
namespace {

constexpr std::string_view kRestart = "{\"pending\":\"restart-agent\"}";
constexpr std::uint32_t kRebootMs = 600'000;

std::string pending_reboot(const std::string& boot_id_hex) {
  return boost::json::serialize(boost::json::object{{"pending", "reboot"}, {"boot_id", boot_id_hex}});
}

/// Asks for the reboot, then waits for the end that should come of it.
boost::asio::awaitable<void> reboot(std::vector<std::string> argv, std::string id, CommandRunner& runner,
                                    std::shared_ptr<bool> cancelled) {
  ChildSetup setup;
  setup.argv = std::move(argv);
  OutputText said;
  TakeOutput take = [&said](std::string_view text) { said.add(text); };
  ProcessResult result = co_await run_process(std::move(setup), std::chrono::seconds(60), cancelled, std::move(take));
  std::string text = said.take(true).substr(0, 1'024);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (!result.started || result.exit_code != 0) {
    if (runner.is_stopping() && result.cancelled) co_return;  // whether it was heard shows at the next start
    runner.settle(id, "",
                  result.started ? "this agent may not restart the machine (docs/agent.md, Commands): " + text
                                 : "cannot start systemctl: " + result.error);
    co_return;
  }
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kRebootMs);
  while (!runner.is_stopping() && std::chrono::steady_clock::now() < end) {
    timer.expires_after(std::chrono::milliseconds(200));
    co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
  if (!runner.is_stopping()) runner.settle(id, "", "the machine was asked to restart, and has not within ten minutes");
}

}  // namespace

bool is_built_in(const std::string& name) {
  const auto& allowable = allowable_built_ins();
  return name == "ping" || name == "sample-now" || name == "set-output" ||
         std::find(allowable.begin(), allowable.end(), name) != allowable.end();
}

const std::vector<std::string>& allowable_built_ins() {
  static const std::vector<std::string> names{"set-interval", "restart-agent", "reboot"};
  return names;
}

BuiltIn make_ping(std::function<std::string()> answer) {
  BuiltIn command;
  command.name = "ping";
  command.title = "Answer";
  command.run = [answer = std::move(answer)](const std::string&, const boost::json::object&) {
    return BuiltInAnswer{answer(), {}, {}};
  };
  return command;
}

BuiltIn make_sample_now(std::function<std::string()> answer) {
  BuiltIn command = make_ping(std::move(answer));
  command.name = "sample-now";
  command.title = "Read all sensors now";
  return command;
}

BuiltIn make_set_interval(SetInterval set) {
  BuiltIn command;
  command.name = "set-interval";
  command.title = "Change how often sensors are read";
  command.arguments_schema_json =
      R"({"type":"object","properties":{"seconds":{"type":"number","minimum":0,"maximum":3600,)"
      R"("title":"Seconds; 0: as its configuration says"}},"required":["seconds"],"additionalProperties":false})";
  command.run = [set = std::move(set)](const std::string&, const boost::json::object& arguments) {
    BuiltInAnswer answer;
    const double seconds = arguments.at("seconds").to_number<double>();
    answer.error =
        seconds != 0 && seconds < 0.1 ? "at least 0.1 s, or 0 for what the configuration says" : set(seconds);
    if (answer.error.empty()) answer.result_json = boost::json::serialize(boost::json::object{{"seconds", seconds}});
    return answer;
  };
  return command;
}

BuiltIn make_set_output(const std::vector<std::string>& names, SetOutput set) {
  BuiltIn command;
  command.name = "set-output";
  command.title = "Switch an output";
  boost::json::array all(names.begin(), names.end());
  const boost::json::object properties{
      {"name", {{"type", "string"}, {"enum", std::move(all)}}},
      {"value", {{"type", "boolean"}}},
      {"for", {{"type", "number"}, {"minimum", 0.01}, {"maximum", 86'400}, {"title", "Seconds, then back"}}}};
  command.arguments_schema_json = boost::json::serialize(boost::json::object{{"type", "object"},
                                                                             {"properties", properties},
                                                                             {"required", {"name", "value"}},
                                                                             {"additionalProperties", false}});
  command.run = [set = std::move(set)](const std::string&, const boost::json::object& arguments) {
    BuiltInAnswer answer;
    std::optional<std::int64_t> for_us;
    if (const auto* seconds = arguments.if_contains("for")) {
      for_us = static_cast<std::int64_t>(seconds->to_number<double>() * 1e6);
    }
    answer.error = set(std::string(arguments.at("name").get_string()), arguments.at("value").get_bool(), for_us);
    if (answer.error.empty()) answer.result_json = boost::json::serialize(arguments);
    return answer;
  };
  return command;
}

BuiltIn make_restart_agent(std::function<void()> restart) {
  BuiltIn command;
  command.name = "restart-agent";
  command.title = "Restart the agent";
  command.role = "admin";
  command.confirm = true;
  command.timeout_ms = 60'000;
  command.run = [restart = std::move(restart)](const std::string&, const boost::json::object&) {
    restart();
    BuiltInAnswer answer;
    answer.pending = kRestart;
    return answer;
  };
  return command;
}

BuiltIn make_reboot_description() {
  BuiltIn command;
  command.name = "reboot";
  command.title = "Restart the machine";
  command.role = "admin";
  command.confirm = true;
  command.timeout_ms = kRebootMs;
  return command;
}

BuiltIn make_reboot(std::vector<std::string> argv, std::string boot_id_hex, CommandRunner& runner) {
  BuiltIn command = make_reboot_description();
  command.run = [argv = std::move(argv), boot_id_hex, &runner](const std::string& id, const boost::json::object&) {
    BuiltInAnswer answer;
    answer.pending = pending_reboot(boot_id_hex);
    runner.spawn(reboot(argv, id, runner, runner.end_flag(id)));
    return answer;
  };
  return command;
}

std::vector<std::string> reboot_program() {
  return {"/usr/bin/systemctl", "--no-ask-password", "reboot"};
}

std::optional<BuiltInAnswer> settle_built_in(const std::string& pending, const std::string& boot_id_hex) {
  BuiltInAnswer answer;
  if (pending == kRestart) {
    answer.result_json = "{\"restarted\":true}";
    return answer;
  }
  boost::system::error_code ec;
  const auto json = boost::json::parse(pending, ec);
  const auto* object = ec ? nullptr : json.if_object();
  const auto* boot = object != nullptr ? object->if_contains("boot_id") : nullptr;
  if (boot == nullptr || !boot->is_string()) return std::nullopt;
  if (boot->get_string() == boost::json::string_view(boot_id_hex)) {
    answer.error = "the agent was restarted, the machine was not";
  } else {
    answer.result_json = "{\"restarted\":true}";
  }
  return answer;
}

}  // namespace agent
