#include "device-agent/config/agent_config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <map>
#include <set>

#include "device-agent/commands/built_ins.h"
#include "device-agent/commands/command_arguments.h"
#include "device-agent/config/config_readers.h"
#include "device-agent/config/config_section.h"
#include "wire/proxy.h"

namespace agent {
namespace {

/// Everything that is wrong, so that people need not mend and try once for each.
class Mistakes {
 public:
  /// Runs `read`; what it throws is kept.
  template <class Read>
  void in(Read&& read) {
    try {
      read();
    } catch (const ConfigError& e) {
      text_ += (text_.empty() ? "" : "\n") + e.text;
    }
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void read_allowed(ConfigSection& s, std::vector<std::string>& allowed) {
  const auto& allowable = allowable_built_ins();
  std::string all;
  for (const auto& name : allowable) all += (all.empty() ? "" : ", ") + name;
  for (auto& name : s.texts("allow")) {
    if (std::find(allowable.begin(), allowable.end(), name) == allowable.end()) {
      s.refuse("allow", "\"" + name + "\" is no built-in command that can be allowed; there are: " + all +
                            " (ping and sample-now always are, set-output where there is an [[output]])");
    }
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) allowed.push_back(std::move(name));
  }
}

/// What a running agent need not make its sensors anew for.
const char* const kNotOfSensors[] = {"agent", "hub", "commands", "command", "alert", "output"};

void read_file(const std::string& file, AgentConfig& config, Mistakes& mistakes) {
  toml::table root;
  try {
    root = toml::parse_file(file);
  } catch (const toml::parse_error& e) {
    throw ConfigError{file + ":" + std::to_string(e.source().begin.line) + ": " + std::string(e.description())};
  }
  const auto each = [&](const char* name, auto&& read) {
    const toml::node* node = root.get(name);
    if (node == nullptr) return;
    mistakes.in([&] {
      const toml::array* list = node->as_array();
      if (list == nullptr) fail(file, *node, name, "write it as [[" + std::string(name) + "]]");
      for (const auto& item : *list) {
        mistakes.in([&] {
          if (!item.is_table()) fail(file, item, name, "write it as [[" + std::string(name) + "]]");
          read(*item.as_table());
        });
      }
    });
  };
  ConfigSection top(file, root, "");
  const auto section = [&](const char* name, auto&& read) {
    const toml::node* node = top.take(name);
    if (node == nullptr) return;
    mistakes.in([&] {
      if (!node->is_table()) fail(file, *node, name, "must be a table: [" + std::string(name) + "]");
      ConfigSection s(file, *node->as_table(), std::string(name) + ".");
      read(s);
      s.refuse_unknown();
    });
  };
  section("agent", [&](ConfigSection& s) {
    config.interval_us = s.duration_us("interval", config.interval_us, 100'000, 3'600'000'000LL);
    config.flush_us = s.duration_us("flush", config.flush_us, 1'000'000, 3'600'000'000LL);
    config.latency_us = s.duration_us("latency", config.latency_us, 0, 60'000'000);
    config.spool_bytes = s.size_bytes("spool_max", config.spool_bytes);
    config.wake_interval_us = s.duration_us("wake_interval", config.wake_interval_us, 0, 366 * 86'400'000'000LL);
    if (config.wake_interval_us % 1'000'000 != 0) s.refuse("wake_interval", "must be whole seconds");
  });
  section("hub", [&](ConfigSection& s) {
    config.proxy = s.text("proxy", config.proxy);
    std::string problem;
    if (!config.proxy.empty() && config.proxy != "none" && !wire::parse_proxy(config.proxy, problem)) {
      s.refuse("proxy", problem + ", \"none\", or empty");
    }
  });
  section("auto", [&](ConfigSection& s) {
    for (auto& name : s.texts("disable")) config.disabled.push_back(std::move(name));
    config.root = s.text("root", config.root);
    if (!config.root.empty() && config.root[0] != '/') s.refuse("root", "must be an absolute path such as \"/host\"");
    if (config.root == "/") config.root.clear();
  });
  section("commands", [&](ConfigSection& s) { read_allowed(s, config.allowed); });
  const std::pair<const char*, KindOptions*> kinds[] = {
      {"host", &config.host}, {"iio", &config.iio}, {"onewire", &config.onewire}};
  for (const auto& [name, options] : kinds) {
    const toml::node* node = top.take(name);
    if (node != nullptr) mistakes.in([&, name = name, options = options] { read_kind(file, *node, name, *options); });
  }
  if (const toml::node* node = top.take("push")) {
    mistakes.in([&] {
      if (!node->is_table()) fail(file, *node, "push", "must be a table: [push]");
      read_push(file, *node->as_table(), config.push);
    });
  }
  for (const char* name : {"exec", "execd", "textfile", "command", "alert", "gpio", "output"}) (void)top.take(name);
  mistakes.in([&] { top.refuse_unknown(); });
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
  each("gpio", [&](const toml::table& t) {
    GpioInputConfig c = read_gpio_input(file, t);
    std::erase_if(config.inputs, [&](const auto& old) { return old.name == c.name; });
    config.inputs.push_back(std::move(c));
  });
  each("output", [&](const toml::table& t) {
    GpioOutputConfig c = read_gpio_output(file, t);
    std::erase_if(config.outputs, [&](const auto& old) { return old.name == c.name; });
    config.outputs.push_back(std::move(c));
  });
  for (const auto& [key, node] : root) {
    if (std::find(std::begin(kNotOfSensors), std::end(kNotOfSensors), key.str()) != std::end(kNotOfSensors)) continue;
    config.sensor_part += std::string(key.str()) + boost::json::serialize(to_json(node)) + "\n";
  }
}

/// The same line for two things, or more outputs and commands than the hub takes of a device.
void check_together(const std::string& path, const AgentConfig& config, Mistakes& mistakes) {
  std::map<std::string, std::string> users;
  const auto use = [&](const GpioAddress& address, const std::string& by) {
    const auto [it, is_new] = users.emplace(address.text(), by);
    if (!is_new) throw ConfigError{path + ": " + by + ": " + address.text() + " is used by " + it->second + " already"};
  };
  for (const auto& c : config.inputs) mistakes.in([&] { use(c.setup.address, "gpio \"" + c.name + "\""); });
  for (const auto& c : config.outputs) mistakes.in([&] { use(c.address, "output \"" + c.name + "\""); });
  constexpr std::size_t kMostCommands = 64, kBuiltIn = 6;
  mistakes.in([&] {
    if (config.commands.size() > kMostCommands - kBuiltIn)
      throw ConfigError{path + ": more than 58 commands; the hub takes no more of a device"};
  });
}

/// Commands, outputs and alerts may stand in different files, so this waits for all of them.
void check_alerts(const std::string& path, const AgentConfig& config, Mistakes& mistakes) {
  for (const auto& alert : config.alerts) {
    const std::string where = path + ": alert \"" + alert.rule + "\": ";
    for (const auto& name : {alert.command, alert.clear_command}) {
      const auto it = std::find_if(config.commands.begin(), config.commands.end(),
                                   [&name](const CommandConfig& command) { return command.name == name; });
      mistakes.in([&] {
        if (!name.empty() && it == config.commands.end())
          throw ConfigError{where + "there is no [[command]] named \"" + name + "\""};
        boost::json::object arguments;
        if (name.empty()) return;
        if (const auto wrong = read_arguments(it->arguments_schema_json, "{}", arguments))
          throw ConfigError{where + "the command \"" + name + "\" must run without arguments: " + *wrong};
      });
    }
    const bool is_there = std::any_of(config.outputs.begin(), config.outputs.end(),
                                      [&alert](const auto& output) { return output.name == alert.output; });
    mistakes.in([&] {
      if (!alert.output.empty() && !is_there)
        throw ConfigError{where + "there is no [[output]] named \"" + alert.output + "\""};
    });
  }
}

}  // namespace

bool read_config(const std::string& path, AgentConfig& config, std::string& problem) {
  try {
    if (path.empty()) return true;
    if (!std::filesystem::is_regular_file(path)) throw ConfigError{path + ": is not a file that can be read"};
    Mistakes mistakes;
    mistakes.in([&] { read_file(path, config, mistakes); });
    std::filesystem::path folder = path;
    folder.replace_extension(".d");
    std::vector<std::string> more;
    std::error_code ec;
    for (std::filesystem::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
      if (it->path().extension() == ".toml") more.push_back(it->path().string());
    }
    std::sort(more.begin(), more.end());
    for (const auto& file : more) mistakes.in([&] { read_file(file, config, mistakes); });
    // What names something that a mistake kept out would only be a mistake more.
    if (mistakes.text().empty()) check_alerts(path, config, mistakes);
    if (mistakes.text().empty()) check_together(path, config, mistakes);
    problem = mistakes.text();
    return problem.empty();
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
latency = "1s"        # how old a reading may get before it is sent (0s to 1m); longer: fewer bytes a reading
spool_max = "64MiB"   # disk for what is held while the hub is away (a month at 10 readings/s); the oldest goes first, and is recorded as a gap
wake_interval = "0s"  # of a board that switches itself off: how long it is usually away; meanwhile it is shown as asleep

[hub]
proxy = ""            # "http://USER:PASSWORD@HOST:3128"; empty: https_proxy of the environment; "none": never one

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

[commands]
allow = []            # built-in commands the hub may ask for: "set-interval", "restart-agent", "reboot"

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

# user = "pi" runs it as that user (needs an agent that runs as root), folder = "/srv" begins there, and
# allow_dash = true lets values begin with '-', which makes options of them.

# A GPIO line as a boolean series: by its name, or by chip = "gpiochip0" and offset = 17.
# [[gpio]]
# line = "DOOR"
# name = "door.open"     # of the series; "gpio.DOOR" otherwise
# active_low = true
# bias = "pull-up"       # as-is, pull-up, pull-down, disabled
# debounce = "5ms"
# edges = true           # each change with its own time, besides the level at each sampling

# A GPIO line that the hub may switch by set-output, and alerts by action = "output".
# [[output]]
# name = "siren"
# line = "SIREN"
# initial = false
# fail_safe = false      # at the agent's end, and when an alert that switched it is over

# What to do about the hub's alerts: "log"; or a command of this file (command, clear_command); or "output" with output =
# a name and value = true: back to its fail_safe when the alert is over or the hub is away for too long.
# [[alert]]
# rule = "*"
# action = "log"
)";
}

}  // namespace agent
