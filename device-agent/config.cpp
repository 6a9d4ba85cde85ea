#include "device-agent/config.h"

#include <toml++/toml.h>
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "rules/json_schema.h"

namespace agent {
namespace {

/// Where something is wrong, as people need it.
struct ConfigError {
  std::string text;
};

[[noreturn]] void fail(const std::string& file, const toml::node& node, const std::string& key,
                       const std::string& why) {
  throw ConfigError{file + ":" + std::to_string(node.source().begin.line) + ": " + key + ": " + why};
}

/// One table of one file; every key must be asked for.
class Section {
 public:
  Section(const std::string& file, const toml::table& table, std::string name)
      : file_(file), table_(table), name_(std::move(name)) {}

  std::string text(const char* key, const std::string& otherwise) {
    const toml::node* node = take(key);
    if (node == nullptr) return otherwise;
    if (!node->is_string()) fail(file_, *node, name_ + key, "must be a text in quotes");
    return substituted(*node, key, node->as_string()->get());
  }
  std::int64_t duration_us(const char* key, std::int64_t otherwise, std::int64_t least, std::int64_t most) {
    const toml::node* node = take(key);
    if (node == nullptr) return otherwise;
    std::int64_t us = -1;
    if (node->is_string()) {
      const std::string text = substituted(*node, key, node->as_string()->get());
      std::int64_t number = 0;
      const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
      const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
      const std::int64_t factor = unit == "ms"  ? 1'000
                                  : unit == "s" ? 1'000'000
                                  : unit == "m" ? 60'000'000
                                  : unit == "h" ? 3'600'000'000LL
                                                : 0;
      if (ec == std::errc{} && number >= 0 && number < 1'000'000 && factor != 0) us = number * factor;
    }
    if (us < least || us > most) {
      fail(file_, *node, name_ + key,
           "must be a duration such as \"500ms\", \"1s\", \"5m\", from " + std::to_string(least / 1'000) + " ms to " +
               std::to_string(most / 1'000'000) + " s");
    }
    return us;
  }
  std::size_t size_bytes(const char* key, std::size_t otherwise) {
    const toml::node* node = take(key);
    if (node == nullptr) return otherwise;
    std::size_t bytes = 0;
    if (node->is_string()) {
      const std::string text = substituted(*node, key, node->as_string()->get());
      std::size_t number = 0;
      const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
      const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
      const std::size_t factor = unit == "KiB"   ? 1024
                                 : unit == "MiB" ? 1024 * 1024
                                 : unit == "GiB" ? 1024 * 1024 * 1024
                                                 : 0;
      if (ec == std::errc{} && number < 1'000'000) bytes = number * factor;
    }
    if (bytes < 2 * 1024 * 1024) fail(file_, *node, name_ + key, "must be a size such as \"64MiB\", at least \"2MiB\"");
    return bytes;
  }
  bool flag(const char* key) {
    const toml::node* node = take(key);
    if (node == nullptr) return false;
    if (!node->is_boolean()) fail(file_, *node, name_ + key, "must be true or false");
    return node->as_boolean()->get();
  }
  std::vector<std::string> texts(const char* key) {
    std::vector<std::string> out;
    const toml::node* node = take(key);
    if (node == nullptr) return out;
    const toml::array* array = node->as_array();
    if (array == nullptr) fail(file_, *node, name_ + key, "must be a list of texts");
    for (const auto& item : *array) {
      if (!item.is_string()) fail(file_, item, name_ + key, "must be a list of texts");
      out.push_back(substituted(item, key, item.as_string()->get()));
    }
    return out;
  }
  const toml::node* take(const char* key) {
    known_.emplace_back(key);
    return table_.get(key);
  }
  [[noreturn]] void refuse(const char* key, const std::string& why) {
    const toml::node* node = table_.get(key);
    fail(file_, node != nullptr ? *node : static_cast<const toml::node&>(table_), name_ + key, why);
  }
  /// Call last.
  void refuse_unknown() const {
    for (const auto& [key, node] : table_) {
      if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
      std::string allowed;
      for (const auto& k : known_) allowed += (allowed.empty() ? "" : ", ") + k;
      throw ConfigError{file_ + ":" + std::to_string(key.source().begin.line) + ": " + name_ + std::string(key.str()) +
                        ": unknown key; allowed here: " + allowed};
    }
  }

 private:
  std::string substituted(const toml::node& node, const char* key, const std::string& text) const {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool opens = text.compare(i, 2, "${") == 0;
      const std::size_t end = opens ? text.find('}', i) : std::string::npos;
      if (end == std::string::npos) {
        out.push_back(text[i]);
        continue;
      }
      const std::string name = text.substr(i + 2, end - i - 2);
      const char* value = std::getenv(name.c_str());
      if (value == nullptr) fail(file_, node, name_ + key, "the environment has no " + name);
      out += value;
      i = end;
    }
    return out;
  }

  const std::string& file_;
  const toml::table& table_;
  std::string name_;
  std::vector<std::string> known_;
};

boost::json::value to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    boost::json::object out;
    for (const auto& [key, value] : *table) out[std::string(key.str())] = to_json(value);
    return out;
  }
  if (const auto* array = node.as_array()) {
    boost::json::array out;
    for (const auto& value : *array) out.push_back(to_json(value));
    return out;
  }
  if (node.is_string()) return boost::json::value(node.as_string()->get());
  if (node.is_integer()) return boost::json::value(node.as_integer()->get());
  if (node.is_floating_point()) return boost::json::value(node.as_floating_point()->get());
  if (node.is_boolean()) return boost::json::value(node.as_boolean()->get());
  return nullptr;
}

CommandConfig read_command(const std::string& file, const toml::table& table) {
  Section s(file, table, "command.");
  CommandConfig c;
  c.name = s.text("name", "");
  c.title = s.text("title", "");
  c.run = s.texts("run");
  c.role = s.text("role", "operator");
  c.confirm = s.flag("confirm");
  c.timeout_ms = static_cast<std::uint32_t>(s.duration_us("timeout", 60'000'000, 1'000, 86'400'000'000LL) / 1'000);
  if (const toml::node* schema = s.take("args")) {
    boost::json::value json = to_json(*schema);
    if (auto* object = json.if_object(); object != nullptr && !object->contains("type")) (*object)["type"] = "object";
    c.arguments_schema_json = boost::json::serialize(json);
    const auto usable = rules::JsonSchema::parse(c.arguments_schema_json);
    if (!usable) s.refuse("args", usable.error().text());
  }
  if (c.name.empty() || c.name == "ping" || c.name == "sample-now")
    s.refuse("name", "must be a name that is not built in");
  if (c.run.empty() || c.run[0].empty() || c.run[0][0] != '/')
    s.refuse("run", "must be [\"/absolute/program\", \"argument\", …]");
  if (c.role != "viewer" && c.role != "operator" && c.role != "admin")
    s.refuse("role", "must be viewer, operator or admin");
  s.refuse_unknown();
  return c;
}

AlertConfig read_alert(const std::string& file, const toml::table& table) {
  Section s(file, table, "alert.");
  AlertConfig a;
  a.rule = s.text("rule", "*");
  a.action = s.text("action", "log");
  a.command = s.text("command", "");
  a.clear_command = s.text("clear_command", "");
  if (a.action != "log" && a.action != "command") s.refuse("action", "must be \"log\" or \"command\"");
  if (a.action == "command" && a.command.empty()) s.refuse("command", "is needed where action is \"command\"");
  s.refuse_unknown();
  return a;
}

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
  Section top(file, root, "");
  if (const toml::node* node = top.take("agent")) {
    if (!node->is_table()) fail(file, *node, "agent", "must be a table: [agent]");
    Section s(file, *node->as_table(), "agent.");
    config.interval_us = s.duration_us("interval", config.interval_us, 100'000, 3'600'000'000LL);
    config.flush_us = s.duration_us("flush", config.flush_us, 1'000'000, 3'600'000'000LL);
    config.spool_bytes = s.size_bytes("spool_max", config.spool_bytes);
    s.refuse_unknown();
  }
  if (const toml::node* node = top.take("auto")) {
    if (!node->is_table()) fail(file, *node, "auto", "must be a table: [auto]");
    Section s(file, *node->as_table(), "auto.");
    for (auto& name : s.texts("disable")) config.disabled.push_back(std::move(name));
    s.refuse_unknown();
  }
  (void)top.take("command");
  (void)top.take("alert");
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
