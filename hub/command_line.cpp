#include "hub/command_line.h"

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "cli/completion.h"
#include "cli/man_page.h"
#include "hub/app.h"
#include "hub/config_file.h"
#include "hub/core/text_file.h"
#include "hub/logging.h"
#include "hub/offline_hub.h"
#include "hub/password_input.h"
#include "hub/tools/tool_commands.h"
#include "hub/web/json_text.h"

namespace hub {
namespace {

namespace json = boost::json;

enum Exit : int { kOk = 0, kFailure = 1, kUsage = 2, kConfiguration = 3, kUnreachable = 4, kRefused = 5 };

int fail(Exit code, const std::string& what) {
  std::fprintf(stderr, "telemetry-hub: %s\n", what.c_str());
  return code;
}

/// Where a folder, a file or a port is not fit to start on.
Exit start_exit(errc code) {
  return code == errc::invalid_argument ? kConfiguration : kFailure;
}

/// Where a hub answered a request with a problem.
Exit request_exit(errc code) {
  switch (code) {
    case errc::unavailable:
    case errc::timed_out:
      return kUnreachable;
    case errc::storage_failed:
    case errc::storage_damaged:
    case errc::unsupported_version:
    case errc::internal:
      return kFailure;
    default:
      return kRefused;
  }
}

/// What was typed; one for all subcommands, since each reads its own part of it only.
struct Flags {
  std::vector<std::pair<const SettingKey*, std::string>> settings;
  std::string config;
  bool json = false;

  std::string name, role, password_file;
  std::vector<std::string> groups;
  bool replace = false;
  std::string ttl;
  std::int64_t uses = 1;
};

void add_setting(CLI::App& command, Flags& flags, const std::string& flag, const std::string& key_name,
                 const std::string& placeholder) {
  const SettingKey* key = find_setting(key_name);
  command
      .add_option_function<std::string>(
          flag,
          [&flags, key, flag](const std::string& value) {
            Settings scratch;
            if (const auto wrong = set(scratch, *key, value)) throw CLI::ValidationError(flag, *wrong);
            flags.settings.emplace_back(key, value);
          },
          std::string(key->meaning))
      ->type_name(placeholder);
}

void add_common(CLI::App& command, Flags& flags) {
  add_setting(command, flags, "--data-dir", "data_dir", "DIR");
  command.add_option("--config", flags.config, "hub.toml (docs/configuration.md)")->type_name("FILE");
}

void add_json(CLI::App& command, Flags& flags) {
  command.add_flag("--json", flags.json, "answer in JSON on stdout");
}

/// Flags over environment over file. Prints every mistake; nothing where there are any.
std::optional<Settings> load_settings(const Flags& flags) {
  Settings settings;
  const Environment environment = process_environment();
  std::vector<std::string> mistakes;
  const std::string config = !flags.config.empty() ? flags.config : environment("TELEMETRY_HUB_CONFIG").value_or("");
  if (!config.empty()) mistakes = read_config_file(config, environment, settings);
  for (auto& mistake : read_environment(environment, settings)) mistakes.push_back(std::move(mistake));
  for (const auto& mistake : mistakes) (void)fail(kConfiguration, mistake);
  if (!mistakes.empty()) return std::nullopt;
  for (const auto& [key, value] : flags.settings) (void)set(settings, *key, value);
  return settings;
}

void print_json(const json::object& object) {
  std::printf("%s\n", web::to_text(object).c_str());
}

int serve(const Settings& settings) {
  auto log = make_logger(settings.log_level, settings.log_format);
  auto app = App::open(settings, log);
  if (!app) return fail(start_exit(app.error().code), app.error().detail);
  if (auto started = (*app)->start(); !started) return fail(start_exit(started.error().code), started.error().detail);
  const auto ended = (*app)->run(true, [&] {
    std::printf("ready %s\n", (*app)->url().c_str());
    std::fflush(stdout);
  });
  if (!ended) return fail(kFailure, ended.error().detail);
  return kOk;
}

int init(const Settings& settings, bool as_json) {
  std::string fingerprint;
  auto hub = OfflineHub::open(settings);
  if (hub) {
    fingerprint = (*hub)->certificates().ca_sha256_hex;
  } else if (hub.error().code == errc::conflict) {
    // A hub serves here, so all is made already.
    const auto pem = read_text_file(DataFolder::ca_pem(settings.data_dir));
    const auto sha256 = pem ? wire::certificate_sha256(*pem) : base::Result<std::string>(errc::not_found);
    if (!sha256) return fail(kFailure, hub.error().detail);
    fingerprint = *sha256;
  } else {
    return fail(start_exit(hub.error().code), hub.error().detail);
  }
  const std::string folder = std::filesystem::absolute(settings.data_dir).lexically_normal().string();
  if (as_json) {
    json::object out;
    out["data_dir"] = folder;
    out["ca_sha256"] = fingerprint;
    out["ca_file"] = DataFolder::ca_pem(folder);
    print_json(out);
  } else {
    std::printf("data folder  %s\nCA           %s\nSHA-256      %s\n", folder.c_str(),
                DataFolder::ca_pem(folder).c_str(), fingerprint.c_str());
  }
  return kOk;
}

/// Asks the hub that serves the folder, or works on the folder where none does.
Outcome<json::object> ask(const Settings& settings, const json::object& request) {
  // The lock may be held for a moment by a hub that starts or ends, which answers nobody. Tried again for five seconds:
  // nothing tells when either a lock is let go or a socket begins to answer.
  for (int attempt = 0;; ++attempt) {
    auto hub = OfflineHub::open(settings);
    if (hub) return (*hub)->run(request);
    if (hub.error().code != errc::conflict) return hub.error();
    auto answer = ask_running_hub(settings.data_dir, request);
    if (answer || answer.error().code != errc::unavailable || attempt == 50) return answer;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

/// Runs a request against an existing data folder; `print` shows the answer to people.
template <class Print>
int request(const Settings& settings, const Flags& flags, const json::object& wish, Print print) {
  if (!std::filesystem::exists(DataFolder::hub_db(settings.data_dir))) {
    return fail(kConfiguration, settings.data_dir +
                                    " is no hub's data folder; make it with: telemetry-hub init --data-dir " +
                                    settings.data_dir);
  }
  const auto answer = ask(settings, wish);
  if (!answer) return fail(request_exit(answer.error().code), answer.error().detail);
  if (flags.json) {
    print_json(*answer);
  } else {
    print(*answer);
  }
  return kOk;
}

std::string text_of(const json::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

int enroll(const Settings& settings, const Flags& flags) {
  json::object wish{{"op", "enroll"}, {"uses", flags.uses}};
  if (!flags.name.empty()) wish["name"] = flags.name;
  if (!flags.ttl.empty()) wish["ttl"] = flags.ttl;
  return request(settings, flags, wish, [&](const json::object& made) {
    std::fprintf(stderr, "run this on the device, within %s:\n", flags.ttl.empty() ? "15 minutes" : flags.ttl.c_str());
    std::printf("%s\n", text_of(made, "command").c_str());
    const std::string install = text_of(made, "install_command");
    if (install.empty()) return;
    std::fprintf(stderr, "or, where the agent is not installed yet:\n%s\n", install.c_str());
  });
}

std::string groups_of(const json::object& user) {
  std::string all;
  for (const auto& group : user.at("groups").as_array()) {
    all += (all.empty() ? "" : ",") + std::string(group.as_string());
  }
  return all;
}

/// --groups '' says: none.
json::array given_groups(const Flags& flags) {
  std::vector<std::string> given;
  for (const auto& group : flags.groups) {
    if (!group.empty()) given.push_back(group);
  }
  return web::text_array(given);
}

/// "ann operator kitchen,garden"
std::string user_line(const json::object& user) {
  const std::string groups = text_of(user, "role") == "admin" ? "*" : groups_of(user);
  return text_of(user, "name") + " " + text_of(user, "role") + (groups.empty() ? "" : " ") + groups;
}

/// No group, no devices: safe, and not what most people mean who leave them out.
void warn_of_no_devices(const json::object& user) {
  if (text_of(user, "role") == "admin" || !groups_of(user).empty()) return;
  std::fprintf(stderr, "%s is in no group and sees no device: telemetry-hub user rights %s --groups '*' shows all\n",
               text_of(user, "name").c_str(), text_of(user, "name").c_str());
}

int put_user(const Settings& settings, const Flags& flags, bool existing) {
  const auto password = read_password(flags.password_file, flags.name);
  if (!password) return fail(kUsage, password.error().detail);
  json::object wish{{"op", existing ? "user_password" : "user_add"}, {"username", flags.name}, {"password", *password}};
  if (!existing) {
    wish["role"] = flags.role.empty() ? "viewer" : flags.role;
    wish["replace"] = flags.replace;
    if (!flags.groups.empty()) wish["groups"] = given_groups(flags);
  }
  return request(settings, flags, wish, [](const json::object& user) {
    std::printf("%s\n", user_line(user).c_str());
    warn_of_no_devices(user);
  });
}

int change_rights(const Settings& settings, const Flags& flags) {
  json::object wish{{"op", "user_rights"}, {"username", flags.name}};
  if (!flags.role.empty()) wish["role"] = flags.role;
  if (!flags.groups.empty()) wish["groups"] = given_groups(flags);
  return request(settings, flags, wish, [](const json::object& user) {
    std::printf("%s\n", user_line(user).c_str());
    warn_of_no_devices(user);
  });
}

int list_users(const Settings& settings, const Flags& flags) {
  return request(settings, flags, {{"op", "user_list"}}, [](const json::object& answer) {
    for (const auto& user : answer.at("users").as_array()) {
      std::printf("%-24s %-8s %s\n", text_of(user.as_object(), "name").c_str(),
                  text_of(user.as_object(), "role").c_str(), groups_of(user.as_object()).c_str());
    }
  });
}

int remove_user(const Settings& settings, const Flags& flags) {
  return request(settings, flags, {{"op", "user_remove"}, {"username", flags.name}},
                 [&](const json::object&) { std::printf("removed %s\n", flags.name.c_str()); });
}

}  // namespace

int run_command_line(int argc, char** argv) {
  Flags flags;
  int (*run)(const Settings&, const Flags&) = nullptr;
  CLI::App app{"Telemetry Hub: stores what devices measure, shows it live, sends commands and alerts back."};
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("telemetry-hub ") + TELEMETRY_VERSION);
  app.footer(
      "Examples:\n"
      "  telemetry-hub serve --data-dir /var/lib/telemetry-hub\n"
      "  telemetry-hub enroll --data-dir /var/lib/telemetry-hub --name greenhouse\n"
      "  telemetry-hub backup hub.tar.zst --data-dir /var/lib/telemetry-hub\n"
      "  telemetry-hub user add ann --role operator --password-file ann.txt --data-dir /var/lib/telemetry-hub\n"
      "\n"
      "Every setting can stand in hub.toml or in the environment (TELEMETRY_HUB_PORT …); flags win over environment,\n"
      "environment over file. Exit codes: 0 ok, 1 failure, 2 usage, 3 configuration, 4 unreachable, 5 refused.");

  auto* serve_command = app.add_subcommand("serve", "Run the hub in the foreground; SIGINT or SIGTERM stops it");
  add_common(*serve_command, flags);
  add_setting(*serve_command, flags, "--port", "port", "N");
  add_setting(*serve_command, flags, "--bind", "bind", "ADDRESS");
  add_setting(*serve_command, flags, "--public-host", "public_host", "HOST");
  add_setting(*serve_command, flags, "--agent-packages", "agent_packages", "DIR");
  add_setting(*serve_command, flags, "--web-root", "web_root", "DIR");
  add_setting(*serve_command, flags, "--threads", "threads", "N");
  add_setting(*serve_command, flags, "--log-level", "log.level", "LEVEL");
  add_setting(*serve_command, flags, "--log-format", "log.format", "text|json");
  serve_command->footer(
      "Prints one line on stdout once it serves:  ready https://HOST:PORT\n"
      "Example:\n  telemetry-hub serve --port 8443 --data-dir data --public-host hub.example.org");
  serve_command->callback([&] { run = [](const Settings& s, const Flags&) { return serve(s); }; });

  auto* init_command = app.add_subcommand("init", "Make a data folder: hub.db, journal and certificate authority");
  add_common(*init_command, flags);
  add_setting(*init_command, flags, "--public-host", "public_host", "HOST");
  add_json(*init_command, flags);
  init_command->footer("What is there already stays as it is.\nExample:\n  telemetry-hub init --data-dir data --json");
  init_command->callback([&] { run = [](const Settings& s, const Flags& f) { return init(s, f.json); }; });

  auto* enroll_command = app.add_subcommand("enroll", "Make a one-time token and print the command for the device");
  add_common(*enroll_command, flags);
  add_setting(*enroll_command, flags, "--port", "port", "N");
  add_setting(*enroll_command, flags, "--public-host", "public_host", "HOST");
  enroll_command->add_option("--name", flags.name, "the device's name; without it the device chooses")
      ->type_name("NAME");
  enroll_command->add_option("--uses", flags.uses, "how many devices may use the token")
      ->check(CLI::Range(1, 10'000))
      ->type_name("N");
  enroll_command->add_option("--ttl", flags.ttl, "how long the token is good, 1m to 7d (15m)")->type_name("DURATION");
  add_json(*enroll_command, flags);
  enroll_command->footer(
      "Works whether the hub serves or not.\nExample:\n  telemetry-hub enroll --data-dir data --name greenhouse --ttl "
      "1h");
  enroll_command->callback([&] { run = enroll; });

  auto* user_command = app.add_subcommand("user", "Users of this hub; works whether the hub serves or not");
  user_command->require_subcommand(1);
  auto* add_command = user_command->add_subcommand("add", "Add a user");
  auto* list_command = user_command->add_subcommand("list", "List the users");
  auto* remove_command = user_command->add_subcommand("remove", "Remove a user and end their sessions");
  auto* password_command = user_command->add_subcommand("password", "Change a user's password; ends their sessions");
  auto* rights_command = user_command->add_subcommand("rights", "Change a user's role or groups");
  for (auto* command : {add_command, list_command, remove_command, password_command, rights_command}) {
    add_common(*command, flags);
    add_json(*command, flags);
    if (command != list_command) command->add_option("NAME", flags.name, "the user's name")->required();
  }
  for (auto* command : {add_command, password_command}) {
    command->add_option("--password-file", flags.password_file, "file with the password; without it, stdin is read")
        ->type_name("FILE");
  }
  for (auto* command : {add_command, rights_command}) {
    command
        ->add_option("--role", flags.role, "viewer (also without this flag, where the user is new), operator or admin")
        ->check(CLI::IsMember({"viewer", "operator", "admin"}))
        ->type_name("ROLE");
    command
        ->add_option("--groups", flags.groups,
                     "groups of devices, with commas, that a viewer or operator sees and commands; '*': every device")
        ->delimiter(',')
        ->type_name("GROUP,…");
  }
  rights_command->footer("Example:\n  telemetry-hub user rights ann --groups kitchen,garden --data-dir data");
  add_command->add_flag("--replace", flags.replace, "where the user exists, change password and role");
  add_command->footer(
      "Example:\n  telemetry-hub user add ann --role operator --groups kitchen --password-file ann.txt --data-dir "
      "data");
  add_command->callback([&] { run = [](const Settings& s, const Flags& f) { return put_user(s, f, false); }; });
  password_command->callback([&] { run = [](const Settings& s, const Flags& f) { return put_user(s, f, true); }; });
  list_command->callback([&] { run = list_users; });
  rights_command->callback([&] { run = change_rights; });
  remove_command->callback([&] { run = remove_user; });

  const tools::ToolCommands data_commands(app, [&](CLI::App& command) { add_common(command, flags); });

  std::string shell;
  auto* completion_command = app.add_subcommand("completion", "Print a completion script for a shell");
  completion_command->add_option("SHELL", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion_command->footer("Example:\n  telemetry-hub completion bash > /etc/bash_completion.d/telemetry-hub");
  auto* man_command = app.add_subcommand("man", "Print the manual page telemetry-hub(1) as roff");
  man_command->footer("Example:\n  telemetry-hub man | man -l -");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  if (completion_command->parsed() || man_command->parsed()) {
    const auto program = cli::describe(app, "telemetry-hub");
    const std::string text = man_command->parsed() ? cli::man_page(program, "telemetry-hub " TELEMETRY_VERSION, {})
                                                   : cli::completion(program, shell).value_or("");
    std::fputs(text.c_str(), stdout);
    return kOk;
  }
  const auto settings = load_settings(flags);
  if (!settings) return kConfiguration;
  return data_commands.is_chosen() ? data_commands.run(settings->data_dir) : run(*settings, flags);
}

}  // namespace hub
