#include "device-agent/config/agent_config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "device-agent/config/config_readers.h"
#include "device-agent/config/config_section.h"

namespace agent {
namespace {

void read_file(const std::string& file, AgentConfig& config) {
  toml::table root;
  try {
    root = toml::parse_file(file);
  } catch (const toml::parse_error& e) {
    throw ConfigError{file + ":" + std::to_string(e.source().begin.line) + ": " + std::string(e.description())};
  }
  const auto each = [&](const char* name, auto&& read) {
    const toml::node* node = root.get(name);
    if (node == nullptr) return;
    const toml::array* list = node->as_array();
    if (list == nullptr) fail(file, *node, name, "write it as [[" + std::string(name) + "]]");
    for (const auto& item : *list) {
      if (!item.is_table()) fail(file, item, name, "write it as [[" + std::string(name) + "]]");
      read(*item.as_table());
    }
  };
  ConfigSection top(file, root, "");
  if (const toml::node* node = top.take("agent")) {
    if (!node->is_table()) fail(file, *node, "agent", "must be a table: [agent]");
    ConfigSection s(file, *node->as_table(), "agent.");
    config.interval_us = s.duration_us("interval", config.interval_us, 100'000, 3'600'000'000LL);
    config.flush_us = s.duration_us("flush", config.flush_us, 1'000'000, 3'600'000'000LL);
    config.spool_bytes = s.size_bytes("spool_max", config.spool_bytes);
    s.refuse_unknown();
  }
  if (const toml::node* node = top.take("auto")) {
    if (!node->is_table()) fail(file, *node, "auto", "must be a table: [auto]");
    ConfigSection s(file, *node->as_table(), "auto.");
    for (auto& name : s.texts("disable")) config.disabled.push_back(std::move(name));
    s.refuse_unknown();
  }
  if (const toml::node* node = top.take("push")) {
    if (!node->is_table()) fail(file, *node, "push", "must be a table: [push]");
    read_push(file, *node->as_table(), config.push);
  }
  for (const char* scripts : {"exec", "execd", "textfile"}) (void)top.take(scripts);
  (void)top.take("command");
  (void)top.take("alert");
  top.refuse_unknown();
  each("command", [&](const toml::table& t) {
    CommandConfig c = read_command(file, t);
    std::erase_if(config.commands, [&](const auto& old) { return old.name == c.name; });
    config.commands.push_back(std::move(c));
  });
  std::set<std::string> sources;  // of this file
  const auto put = [&](auto& list, auto source, const toml::table& t) {
    const std::string label = label_of(source);
    if (!sources.insert(label).second) fail(file, t, label, "is in this file already; give it a name of its own");
    std::erase_if(list, [&label](const auto& old) { return label_of(old) == label; });
    list.push_back(std::move(source));
  };
  each("exec", [&](const toml::table& t) { put(config.execs, read_exec(file, t), t); });
  each("execd", [&](const toml::table& t) { put(config.execds, read_execd(file, t), t); });
  each("textfile", [&](const toml::table& t) { put(config.textfiles, read_textfile(file, t), t); });
  each("alert", [&](const toml::table& t) { config.alerts.push_back(read_alert(file, t)); });
}

/// Commands and alerts may stand in different files, so this waits for all of them.
void check_alerts(const std::string& path, const AgentConfig& config) {
  for (const auto& alert : config.alerts) {
    for (const auto& name : {alert.command, alert.clear_command}) {
      const bool is_there = std::any_of(config.commands.begin(), config.commands.end(),
                                        [&name](const CommandConfig& command) { return command.name == name; });
      if (!name.empty() && !is_there) {
        throw ConfigError{path + ": alert \"" + alert.rule + "\": there is no [[command]] named \"" + name + "\""};
      }
    }
  }
}

}  // namespace

bool read_config(const std::string& path, AgentConfig& config, std::string& problem) {
  try {
    if (path.empty()) return true;
    if (!std::filesystem::is_regular_file(path)) throw ConfigError{path + ": is not a file that can be read"};
    read_file(path, config);
    std::filesystem::path folder = path;
    folder.replace_extension(".d");
    std::vector<std::string> more;
    std::error_code ec;
    for (std::filesystem::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
      if (it->path().extension() == ".toml") more.push_back(it->path().string());
    }
    std::sort(more.begin(), more.end());
    for (const auto& file : more) read_file(file, config);
    check_alerts(path, config);
    return true;
  } catch (const ConfigError& e) {
    problem = e.text;
    return false;
  }
}

std::string default_config() {
  return R"(# device-agent configuration. Every key is optional; these are the defaults.

[agent]
interval = "1s"       # how often sensors are read (100ms to 1h)
flush = "10s"         # how often what the hub has not acknowledged goes to disk: the loss window of a power cut
spool_max = "64MiB"   # disk for what is held while the hub is away; the oldest goes first, and is recorded as a gap

[auto]
disable = []          # series not to send: ["net.docker0.*"]

# A program that prints readings and ends, run again and again. No shell, never two at once, killed at its timeout.
# [[exec]]
# name = "router.ping"     # before each name and a dot; with format "plain" the name itself
# run = ["/usr/local/bin/ping-router"]
# interval = "10s"         # 100ms to 24h
# timeout = "10s"
# format = "plain"         # plain: a line is one value; influx: line protocol; json: an object a line; prometheus
# unit = "ms"              # of series that say none
# units = { loss = "%" }   # of single ones
# environment = []         # ["NAME=value"]: what it gets besides PATH, HOME, LANG

# A program that stays and prints a line for each reading. Started again when it ends.
# [[execd]]
# name = "weather"
# run = ["/usr/local/bin/weather-station", "--stream"]
# format = "influx"
# interval = "5s"          # how often it prints, where that is known
# timeout = "5m"           # so long without a reading, and it is started again; not there: never
# restart = "1s"           # wait before that; twice as long each time, up to a minute

# Files that something else writes: .prom, .influx or .lp, .json or .jsonl, .txt (one value). A folder or a pattern.
# [[textfile]]
# path = "/var/lib/node_exporter/*.prom"
# interval = "10s"
# max_age = "1h"           # what was not written for so long is not sent any more

# A Unix socket for scripts: device-agent push NAME VALUE
[push]
enable = false
socket = ""           # not there: push.sock in the runtime folder, /run/device-agent
group = ""            # who may push besides the agent's user: a group that this user is in

# A command that the hub may ask for. No shell: {name} is replaced by the argument of that name.
# [[command]]
# name = "water"
# title = "Water the plants"
# run = ["/usr/local/bin/pump", "--seconds", "{seconds}"]
# timeout = "2m"
# role = "operator"
# confirm = true
# [command.args]
# required = ["seconds"]
# [command.args.properties.seconds]
# type = "integer"
# minimum = 1
# maximum = 60

# What to do about the hub's alerts: "log", or a command of this file.
# [[alert]]
# rule = "*"
# action = "log"
)";
}

}  // namespace agent
