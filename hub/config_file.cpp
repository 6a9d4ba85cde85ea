#include "hub/config_file.h"

#include <toml++/toml.h>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "hub/storage/device_store.h"

namespace hub {
namespace {

class ConfigReader {
 public:
  ConfigReader(const std::string& name, const Environment& environment, Settings& settings)
      : name_(name), environment_(environment), settings_(settings) {}

  void read(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) {
      const std::string full = prefix + std::string(key.str());
      const auto line = key.source().begin.line;
      if (const auto* section = node.as_table()) {
        if (prefix.empty() && is_section(full)) {
          read(*section, full + ".");
        } else if (full == "storage.group") {
          read_groups(*section);
        } else {
          complain(line, full, "is no section of this file; sections: " + names("", true));
        }
        continue;
      }
      const SettingKey* known = find_setting(full);
      if (known == nullptr) {
        complain(line, full,
                 "unknown key; allowed " +
                     (prefix.empty() ? "here" : "in [" + prefix.substr(0, prefix.size() - 1) + "]") + ": " +
                     names(prefix, false));
        continue;
      }
      read_value(*known, node, line);
    }
  }

  /// [storage.group.NAME]
  void read_groups(const toml::table& groups) {
    for (const auto& [key, node] : groups) {
      const std::string name(key.str()), full = "storage.group." + name;
      const auto line = key.source().begin.line;
      const auto* group = node.as_table();
      if (group == nullptr) {
        complain(line, full, "must be a section, [" + full + "]");
      } else if (!is_group_name(name)) {
        complain(line, full, "is no name of a group; it has 1 to 32 characters a-z, 0-9, _ and -");
      } else if (name == "default") {
        complain(line, full, "is what [storage] says; choose another name for the group");
      } else if (settings_.storage_groups.size() == kMaxRetentionGroups && !settings_.storage_groups.contains(name)) {
        complain(line, full,
                 "is one too many; at most " + std::to_string(kMaxRetentionGroups) +
                     " groups have a retention of their own");
      } else {
        for (const auto& [what, value] : *group) {
          const auto* number = value.as_integer();
          const auto wrong = number == nullptr ? std::optional<std::string>("must be a whole number")
                                               : set(settings_.storage_groups[name], what.str(), number->get());
          if (wrong) complain(what.source().begin.line, full + "." + std::string(what.str()), *wrong);
        }
      }
    }
  }

  void complain(toml::source_index line, const std::string& key, const std::string& what) {
    mistakes.push_back(name_ + ":" + std::to_string(line) + ": " + key + ": " + what);
  }

  std::vector<std::string> mistakes;

 private:
  static bool is_section(const std::string& name) {
    for (const auto& key : setting_keys()) {
      if (key.name.starts_with(name + ".")) return true;
    }
    return false;
  }

  static std::string names(const std::string& prefix, bool sections) {
    std::string list, last;
    for (const auto& key : setting_keys()) {
      const std::size_t dot = key.name.find('.');
      std::string name;
      if (sections) {
        if (dot == std::string_view::npos) continue;
        name = "[" + std::string(key.name.substr(0, dot)) + "]";
        if (name == last) continue;
        last = name;
      } else if (prefix.empty() ? dot == std::string_view::npos : key.name.starts_with(prefix)) {
        name = std::string(key.name.substr(prefix.size()));
      } else {
        continue;
      }
      list += (list.empty() ? "" : ", ") + name;
    }
    return list;
  }

  void read_value(const SettingKey& key, const toml::node& node, toml::source_index line) {
    std::optional<std::string> wrong;
    if (const auto* number = node.as_integer()) {
      wrong = set(settings_, key, number->get());
    } else if (const auto* text = node.as_string()) {
      bool substituted = false;
      const auto value = substitute(text->get(), substituted, key, line);
      if (!value) return;
      // A quoted number is a mistake, a substituted one is not: the environment knows texts only.
      wrong = key.is_number() && !substituted ? "\"" + *value + "\" is a text; must be " + allowed(key)
                                              : set(settings_, key, *value);
    } else {
      wrong = "must be " + allowed(key);
    }
    if (wrong) complain(line, std::string(key.name), *wrong);
  }

  /// Replaces ${NAME}; nothing (and a complaint) where a name is not set or not closed.
  std::optional<std::string> substitute(const std::string& text, bool& substituted, const SettingKey& key,
                                        toml::source_index line) {
    std::string out;
    std::size_t at = 0;
    for (;;) {
      const std::size_t start = text.find("${", at);
      out += text.substr(at, start - at);
      if (start == std::string::npos) return out;
      const std::size_t end = text.find('}', start);
      const std::string name = end == std::string::npos ? "" : text.substr(start + 2, end - start - 2);
      if (name.empty()) {
        complain(line, std::string(key.name), "${ must be closed: ${NAME} stands for an environment variable");
        return std::nullopt;
      }
      const auto value = environment_(name);
      if (!value) {
        complain(line, std::string(key.name), "the environment variable " + name + " is not set");
        return std::nullopt;
      }
      substituted = true;
      out += *value;
      at = end + 1;
    }
  }

  const std::string& name_;
  const Environment& environment_;
  Settings& settings_;
};

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

std::vector<std::string> read_config_text(std::string_view text, const std::string& name,
                                          const Environment& environment, Settings& settings) {
  ConfigReader reader(name, environment, settings);
  // toml++ is built with exceptions; a mistake in the file is one of them.
  try {
    const toml::table table = toml::parse(text);
    reader.read(table, "");
  } catch (const toml::parse_error& error) {
    reader.complain(error.source().begin.line, "not TOML", std::string(error.description()));
  }
  return std::move(reader.mistakes);
}

std::vector<std::string> read_config_file(const std::string& path, const Environment& environment, Settings& settings) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || in.bad()) return {path + ": cannot be read"};
  return read_config_text(text.str(), path, environment, settings);
}

std::string environment_name(const SettingKey& key) {
  std::string name = "TELEMETRY_HUB_";
  for (const char c : key.name) {
    name += c == '.' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  }
  return name;
}

std::vector<std::string> read_environment(const Environment& environment, Settings& settings) {
  std::vector<std::string> mistakes;
  for (const auto& key : setting_keys()) {
    const std::string name = environment_name(key);
    const auto value = environment(name);
    if (!value) continue;
    if (const auto wrong = set(settings, key, *value)) mistakes.push_back("environment: " + name + ": " + *wrong);
  }
  return mistakes;
}

}  // namespace hub
