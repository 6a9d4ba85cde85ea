#include "device-agent/command_line.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "device-agent/cli_flags.h"
#include "device-agent/help_texts.h"
#include "device-agent/run_command.h"

namespace agent {
namespace {

std::string default_state_folder() {
  if (::geteuid() == 0) return "/var/lib/device-agent";
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : ".") + "/.local/state/device-agent";
}

std::shared_ptr<spdlog::logger> make_log(const std::string& level) {
  auto log = std::make_shared<spdlog::logger>("device-agent", std::make_shared<spdlog::sinks::stderr_sink_st>());
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
  log->set_level(spdlog::level::from_str(level));
  log->flush_on(spdlog::level::trace);
  return log;
}

int show_spool(const Flags& flags) {
  std::size_t files = 0, bytes = 0, damaged = 0;
  std::error_code ec;
  for (std::filesystem::directory_iterator it(flags.state_folder + "/spool", ec), end; !ec && it != end;
       it.increment(ec)) {
    if (it->path().extension() == ".damaged") ++damaged;
    if (it->path().extension() != ".spool") continue;
    ++files;
    bytes += it->file_size(ec);
  }
  if (flags.json) {
    std::printf("{\"files\":%zu,\"bytes\":%zu,\"damaged\":%zu}\n", files, bytes, damaged);
  } else {
    std::printf("%zu files, %zu bytes not acknowledged; %zu damaged files kept\n", files, bytes, damaged);
  }
  return 0;
}

}  // namespace

int run_command_line(int argc, char** argv) {
  Flags flags;
  flags.state_folder = default_state_folder();
  CLI::App app{"Streams this machine's sensors to a telemetry hub, and runs what its own config allows."};
  app.footer(
      "Examples:\n  device-agent enroll https://hub.local:8443 TOKEN --ca-sha256 FINGERPRINT --name greenhouse\n"
      "  device-agent enroll https://hub.local:8443 --name greenhouse\n"
      "  device-agent run\n  device-agent sensors read\n  device-agent run --simulate 20 --hub https://localhost:8443 "
      "--simulate-token TOKEN --ca-sha256 FINGERPRINT\n\nExit codes: 0 ok, 1 failure, 2 usage, 3 configuration, "
      "4 hub not reached, 5 refused.");
  app.set_version_flag("--version", "device-agent " TELEMETRY_VERSION);
  app.require_subcommand(1);
  const auto common = [&flags](CLI::App* command) {
    command->add_option("--config", flags.config, "agent.toml (/etc/device-agent/agent.toml where it is there)")
        ->type_name("FILE")
        ->envname("DEVICE_AGENT_CONFIG");
    command->add_option("--state-dir", flags.state_folder, "credential, spool, ledger")
        ->type_name("DIR")
        ->envname("DEVICE_AGENT_STATE_DIR")
        ->capture_default_str();
    command->add_flag("--json", flags.json, "answer in JSON");
  };
  auto* run = app.add_subcommand("run", "Sample and stream until SIGTERM");
  common(run);
  run->add_option("--log-level", flags.log_level, "debug, info, warn, error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->envname("DEVICE_AGENT_LOG_LEVEL");
  run->add_option("--simulate", flags.simulate, "be N made-up devices instead, each with its own credential and socket")
      ->check(CLI::Range(1u, 20'000u));
  run->add_option("--simulate-token", flags.simulate_token, "enrolment token for those without a credential");
  run->add_option("--hub", flags.hub, "https://HOST[:PORT], for --simulate");
  run->add_option("--ca-sha256", flags.ca_sha256, "fingerprint of the hub's CA, for --simulate");
  auto* enroll =
      app.add_subcommand("enroll", "Join a hub: with a one-time token, or by asking and waiting for an admin");
  common(enroll);
  enroll->add_option("URL", flags.url, "https://HOST[:PORT]")->required();
  enroll->add_option("TOKEN", flags.token,
                     "one-time token; -: read from stdin; nothing: show a code and wait for approval");
  enroll->add_option("--name", flags.name, "wished device name");
  enroll->add_option("--ca-sha256", flags.ca_sha256,
                     "fingerprint of the hub's CA, as the hub printed it; may be left out without a token");
  enroll->add_option("--proxy", flags.proxy,
                     "http://[USER:PASSWORD@]HOST[:PORT] or none, for this command; else [hub] proxy of the "
                     "configuration, else https_proxy");
  auto* sensors = app.add_subcommand("sensors", "What this machine can measure");
  common(sensors);
  auto* sensors_list = sensors->add_subcommand("list", "Names, kinds, intervals, units, and what is wrong");
  auto* sensors_read = sensors->add_subcommand("read", "With a value each");
  for (auto* way : {sensors_list, sensors_read}) way->fallthrough();  // `sensors read --json`
  auto* test = app.add_subcommand("test", "Sample once, print, send nothing");
  common(test);
  auto* status = app.add_subcommand("status", "What a running agent says of itself");
  common(status);
  auto* doctor = app.add_subcommand("doctor", "Look for what is wrong, with the fix");
  common(doctor);
  auto* config = app.add_subcommand("config", "The configuration file");
  common(config);
  config->require_subcommand(1);
  auto* config_check = config->add_subcommand("check", "Read it and say all that is wrong");
  config_check->add_option("--config", flags.config, "agent.toml")->type_name("FILE");
  auto* config_default = config->add_subcommand("default", "Print every key with its default");
  auto* commands = app.add_subcommand("command", "Commands that the hub may ask for");
  common(commands);
  auto* commands_list = commands->add_subcommand("list", "Built in and configured, with arguments, role and limits");
  commands_list->fallthrough();
  auto* spool = app.add_subcommand("spool", "What waits for the hub");
  common(spool);
  auto* push = app.add_subcommand("push", "Hand a reading to the agent that runs here, or many on stdin");
  push->footer(
      "Examples:\n  device-agent push tank.level 3.2 --unit m\n  device-agent push door true --time "
      "2026-01-02T03:04:05Z\n"
      "  echo 'tank,site=north level=3.2' | device-agent push --format influx\n"
      "  echo '{\"temp\": 21.5, \"door\": false}' | device-agent push --format json\n\n"
      "The agent's configuration needs [push] enable = true. Exit codes: 0 taken, 1 not taken, 2 usage, 4 no agent "
      "runs.");
  push->add_option("NAME", flags.push_name, "series");
  push->add_option("VALUE", flags.push_value, "a number, true, false or a text");
  push->add_option("--unit", flags.push_unit, "of a series that is new");
  push->add_option("--time", flags.push_time, "when it was measured: seconds since 1970 or RFC 3339; else now");
  push->add_option("--format", flags.push_format, "read stdin: influx (line protocol) or json");
  push->add_option("--socket", flags.push_socket, "where the agent listens")
      ->type_name("FILE")
      ->envname("DEVICE_AGENT_PUSH_SOCKET");
  push->add_option("--config", flags.config, "agent.toml")->type_name("FILE")->envname("DEVICE_AGENT_CONFIG");
  std::string shell, page = "device-agent";
  auto* completion = app.add_subcommand("completion", "Print a completion script for a shell");
  completion->add_option("SHELL", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->footer("Example:\n  device-agent completion bash > /etc/bash_completion.d/device-agent");
  auto* man = app.add_subcommand("man", "Print a manual page as roff: device-agent(1) or agent.toml(5)");
  man->add_option("PAGE", page, "which")->check(CLI::IsMember({"device-agent", "agent.toml"}));
  man->footer("Example:\n  device-agent man agent.toml | man -l -");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : kUsage;
  }
  if (run->parsed()) {
    const auto found = configuration(flags);
    if (!found) return kConfiguration;
    RunOptions options{*found,    flags.state_folder, flags.simulate,     flags.simulate_token,
                       flags.hub, flags.ca_sha256,    config_path(flags), {argv, argv + argc}};
    return run_agents(std::move(options), make_log(flags.log_level));
  }
  if (enroll->parsed()) return enroll_command(flags);
  if (sensors->parsed()) return sensors_command(flags, sensors_read->parsed() && !sensors_list->parsed());
  if (push->parsed()) return push_command(flags);
  if (test->parsed()) return sensors_command(flags, true);
  if (status->parsed()) return status_command(flags);
  if (doctor->parsed()) return doctor_command(flags);
  if (config_default->parsed()) {
    std::fputs(default_config().c_str(), stdout);
    return 0;
  }
  if (config_check->parsed()) {
    if (!configuration(flags)) return kConfiguration;
    std::printf("ok\n");
    return 0;
  }
  if (completion->parsed()) return completion_command(app, shell);
  if (man->parsed()) return man_command(app, page);
  if (commands->parsed() || commands_list->parsed()) {
    return command_list_command(flags);
  }
  return spool->parsed() ? show_spool(flags) : kUsage;
}

}  // namespace agent
