#include "device-agent/config/agent_config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>

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
    config.root = s.text("root", config.root);
    if (!config.root.empty() && config.root[0] != '/') s.refuse("root", "must be an absolute path such as \"/host\"");
    if (config.root == "/") config.root.clear();
    s.refuse_unknown();
  }
  (void)top.take("command");
  (void)top.take("alert");
  const std::pair<const char*, KindOptions*> kinds[] = {
      {"host", &config.host}, {"iio", &config.iio}, {"onewire", &config.onewire}};
  for (const auto& [name, options] : kinds) {
    if (const toml::node* node = top.take(name)) read_kind(file, *node, name, *options);
  }
  top.refuse_unknown();
  each("command", [&](const toml::table& t) {
    CommandConfig c = read_command(file, t);
    std::erase_if(config.commands, [&](const auto& old) { return old.name == c.name; });
    config.commands.push_back(std::move(c));
  });
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
root = ""             # in a container: where the machine's own / is mounted, "/host"

# Kinds of sensors. enable = false leaves one out; interval is agent.interval where it is not given; names gives what was
# found another name (`device-agent sensors list` shows what there is).
[host]                # processor, memory, disks, network, processes, thermal zones, hwmon chips
enable = true
# interval = "5s"
names = {}            # { "hwmon.nct6775.temp1" = "case.temperature" }

[iio]                 # BME280 and any other chip with an IIO driver
enable = true
names = {}            # { "bme280.1-0076" = "greenhouse" }: greenhouse.temperature, greenhouse.humidity …

[onewire]             # DS18B20 and its family
enable = true
interval = "10s"
names = {}            # { "28-0316a2798dff" = "tank.top" }

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
