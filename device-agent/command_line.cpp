#include "device-agent/command_line.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/clock.h"
#include "device-agent/agent.h"
#include "device-agent/config.h"
#include "device-agent/credential_file.h"
#include "device-agent/enrolment.h"
#include "device-agent/machine.h"
#include "device-agent/run_command.h"
#include "device-agent/sensors/disabled_series.h"
#include "device-agent/status_file.h"
#include "device-agent/terminal_qr.h"

namespace agent {
namespace {

constexpr int kUsage = 2, kConfiguration = 3;

struct Flags {
  std::string config, state_folder, log_level = "info";
  std::string url, token, name, ca_sha256;
  unsigned simulate = 0;
  std::string simulate_token, hub;
  bool json = false;
};

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

/// Empty: every key at its default.
std::string config_path(const Flags& flags) {
  const std::string usual = "/etc/device-agent/agent.toml";
  return flags.config.empty() && std::filesystem::exists(usual) ? usual : flags.config;
}

/// The configuration of the flags, or an exit code.
std::optional<AgentConfig> configuration(const Flags& flags) {
  AgentConfig config;
  std::string problem;
  if (read_config(config_path(flags), config, problem)) return config;
  std::fprintf(stderr, "device-agent: %s\n", problem.c_str());
  return std::nullopt;
}

std::string shown(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) {
    char text[40];
    std::snprintf(text, sizeof text, "%.6g", *number);
    return text;
  }
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  return std::get<std::string>(value);
}

int list_sensors(const Flags& flags, bool read) {
  const auto config = configuration(flags);
  if (!config) return kConfiguration;
  const Sensors sensors = without_disabled(detect_host_sensors(""), config->disabled);
  const base::SystemClock clock;
  std::vector<std::vector<Sample>> samples(sensors.size());
  if (read) {
    // Rates need two looks.
    for (const int look : {0, 1}) {
      for (std::size_t i = 0; i < sensors.size(); ++i) {
        samples[i].clear();
        sensors[i]->sample({clock.now_us(), clock.boot_us()}, samples[i]);
      }
      if (look == 0) ::usleep(250'000);
    }
  }
  boost::json::array out;
  for (std::size_t i = 0; i < sensors.size(); ++i) {
    const auto& series = sensors[i]->series();
    for (std::size_t k = 0; k < series.size(); ++k) {
      if (is_disabled_series(series[k].name, config->disabled)) continue;
      std::string value;
      for (const auto& sample : samples[i]) {
        if (sample.index == k) value = shown(sample.value);
      }
      if (flags.json) {
        boost::json::object entry{{"name", series[k].name}, {"unit", series[k].unit}};
        if (read) entry["value"] = value;
        out.push_back(std::move(entry));
      } else {
        std::printf("%-40s %14s %s\n", series[k].name.c_str(), value.c_str(), series[k].unit.c_str());
      }
    }
  }
  if (flags.json) std::cout << boost::json::serialize(out) << "\n";
  return 0;
}

void show_approval(const ApprovalNotice& notice) {
  std::printf("\nTo let this device in, sign in to the hub as an admin and open\n\n    %s\n\n", notice.url.c_str());
  if (::isatty(STDOUT_FILENO) == 1) std::printf("%s\n", terminal_qr(notice.url).c_str());
  std::printf("Approve it only if the page shows this code:  %s\nWaiting, for ten minutes at most; Ctrl-C ends it.\n",
              notice.code.c_str());
  std::fflush(stdout);
}

int enroll(Flags flags) {
  EnrolRequest request;
  if (!parse_hub_url(flags.url, request.host, request.port)) {
    std::fprintf(stderr, "device-agent enroll: \"%s\" is not https://HOST[:PORT]\n", flags.url.c_str());
    return kUsage;
  }
  const bool by_token = !flags.token.empty();
  if (flags.token == "-") std::getline(std::cin, flags.token);
  if (by_token && flags.token.empty()) {
    std::fprintf(stderr, "device-agent enroll: no token came on stdin\n");
    return kUsage;
  }
  if (flags.ca_sha256.size() != 64 && (by_token || !flags.ca_sha256.empty())) {
    std::fprintf(stderr, "device-agent enroll: --ca-sha256 must be the 64 hex digits that the hub printed\n");
    return kUsage;
  }
  request.token = flags.token;
  request.name = flags.name;
  request.ca_sha256 = flags.ca_sha256;
  request.attributes = machine_attributes();
  boost::asio::io_context io{1};
  EnrolAnswer answer;
  auto task = by_token ? enrol(request) : enrol_by_approval(request, show_approval);
  boost::asio::co_spawn(io, std::move(task), [&answer](std::exception_ptr failure, EnrolAnswer got) {
    if (failure) std::rethrow_exception(failure);
    answer = std::move(got);
  });
  io.run();
  if (!answer.credential) {
    std::fprintf(stderr, "device-agent enroll: %s\n", answer.problem.c_str());
    return answer.exit_code;
  }
  if (auto saved = save_credential(flags.state_folder, *answer.credential); !saved) {
    std::fprintf(stderr, "device-agent enroll: cannot write %s/credential.toml: %s\n", flags.state_folder.c_str(),
                 saved.error().message().c_str());
    return 1;
  }
  std::printf("enrolled as %s; now: device-agent run --state-dir %s\n", answer.credential->device_name.c_str(),
              flags.state_folder.c_str());
  return 0;
}

int show_status(const Flags& flags) {
  const auto status = read_status(flags.state_folder);
  if (!status) {
    std::fprintf(stderr, "device-agent: no agent runs in %s\n", flags.state_folder.c_str());
    return 1;
  }
  std::fputs(status->text.c_str(), stdout);
  if (status->is_running) return 0;
  std::fprintf(stderr, "device-agent: that agent is gone; this is the last it said\n");
  return 1;
}

/// What was looked at, what was found, and the fix where it is wrong.
int doctor(const Flags& flags) {
  int bad = 0;
  const auto say = [&bad](bool ok, const std::string& what, const std::string& fix) {
    std::printf("%s %s%s%s\n", ok ? "ok  " : "BAD ", what.c_str(), ok ? "" : "\n     fix: ", ok ? "" : fix.c_str());
    if (!ok) ++bad;
  };
  std::string problem;
  AgentConfig config;
  const bool readable = read_config(config_path(flags), config, problem);
  say(readable, readable ? "configuration" : problem,
      "correct the file; `device-agent config default` shows every key");
  const auto credential = load_credential(flags.state_folder, problem);
  say(credential.has_value(), credential ? "credential for " + credential->host : problem,
      "device-agent enroll https://HUB:8443 TOKEN --ca-sha256 FINGERPRINT");
  const base::SystemClock clock;
  say(clock.synchronised(), "clock is synchronised", "enable a time service: timedatectl set-ntp true");
  const auto sensors = detect_host_sensors("");
  say(!sensors.empty(), std::to_string(sensors.size()) + " sensors found", "is /proc mounted?");
  std::error_code ec;
  const auto space = std::filesystem::space(std::filesystem::exists(flags.state_folder) ? flags.state_folder : "/", ec);
  say(!ec && space.available > config.spool_bytes, "disk has room for the spool",
      "free some space, or set spool_max in [agent] lower");
  const auto status = read_status(flags.state_folder);
  if (!status || !status->is_running) {
    say(true, "no agent runs with this state folder now", "");
  } else {
    say(status->state == "connected", "the running agent's link: " + status->state,
        "is the hub up, and reached from here under the name in credential.toml? the agent's log says more");
    say(status->problem.empty(), status->problem.empty() ? "its spool can be written" : status->problem,
        "free some space, or mend the disk; readings are kept in memory meanwhile");
  }
  return bad == 0 ? 0 : 1;
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
        ->envname("DEVICE_AGENT_CONFIG");
    command->add_option("--state-dir", flags.state_folder, "credential, spool, ledger")
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
  auto* enroll_command =
      app.add_subcommand("enroll", "Join a hub: with a one-time token, or by asking and waiting for an admin");
  common(enroll_command);
  enroll_command->add_option("URL", flags.url, "https://HOST[:PORT]")->required();
  enroll_command->add_option("TOKEN", flags.token,
                             "one-time token; -: read from stdin; nothing: show a code and wait for approval");
  enroll_command->add_option("--name", flags.name, "wished device name");
  enroll_command->add_option("--ca-sha256", flags.ca_sha256,
                             "fingerprint of the hub's CA, as the hub printed it; may be left out without a token");
  auto* sensors = app.add_subcommand("sensors", "What this machine can measure");
  common(sensors);
  auto* sensors_list = sensors->add_subcommand("list", "Names and units");
  auto* sensors_read = sensors->add_subcommand("read", "With a value each");
  auto* test = app.add_subcommand("test", "Sample once, print, send nothing");
  common(test);
  auto* status = app.add_subcommand("status", "What a running agent says of itself");
  common(status);
  auto* doctor_command = app.add_subcommand("doctor", "Look for what is wrong, with the fix");
  common(doctor_command);
  auto* config = app.add_subcommand("config", "The configuration file");
  common(config);
  config->require_subcommand(1);
  auto* config_check = config->add_subcommand("check", "Read it and say what is wrong");
  config_check->add_option("--config", flags.config, "agent.toml");
  auto* config_default = config->add_subcommand("default", "Print every key with its default");
  auto* commands = app.add_subcommand("command", "Commands that the hub may ask for");
  common(commands);
  auto* commands_list = commands->add_subcommand("list", "Built in and configured");
  auto* spool = app.add_subcommand("spool", "What waits for the hub");
  common(spool);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : kUsage;
  }
  if (run->parsed()) {
    const auto found = configuration(flags);
    if (!found) return kConfiguration;
    RunOptions options{*found, flags.state_folder, flags.simulate, flags.simulate_token, flags.hub, flags.ca_sha256};
    return run_agents(std::move(options), make_log(flags.log_level));
  }
  if (enroll_command->parsed()) return enroll(flags);
  if (sensors->parsed()) return list_sensors(flags, sensors_read->parsed() && !sensors_list->parsed());
  if (test->parsed()) return list_sensors(flags, true);
  if (status->parsed()) return show_status(flags);
  if (doctor_command->parsed()) return doctor(flags);
  if (config_default->parsed()) {
    std::fputs(default_config().c_str(), stdout);
    return 0;
  }
  if (config_check->parsed()) {
    if (!configuration(flags)) return kConfiguration;
    std::printf("ok\n");
    return 0;
  }
  if (commands->parsed() || commands_list->parsed()) {
    const auto found = configuration(flags);
    if (!found) return kConfiguration;
    std::printf("ping\nsample-now\n");
    for (const auto& c : found->commands) std::printf("%s\n", c.name.c_str());
    return 0;
  }
  return spool->parsed() ? show_spool(flags) : kUsage;
}

}  // namespace agent
