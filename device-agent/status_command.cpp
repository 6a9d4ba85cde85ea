// `device-agent status` and `device-agent command list`, for people or as JSON.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <ctime>

#include "device-agent/cli_flags.h"
#include "device-agent/commands/built_ins.h"
#include "device-agent/status_file.h"

namespace agent {
namespace {

namespace json = boost::json;

std::string bytes_text(double bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1'024 && unit + 1 < std::size(units); ++unit) bytes /= 1'024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}

std::string time_text(std::int64_t us) {
  const std::time_t seconds = us / 1'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &utc);
  return text;
}

/// A value by what its key says it is: *_bytes, *_us, a list, a text.
std::string shown(const std::string& key, const json::value& value) {
  const auto ends_with = [&key](std::string_view end) {
    return key.size() >= end.size() && key.compare(key.size() - end.size(), end.size(), end) == 0;
  };
  if (value.is_null()) return "none";
  if (value.is_bool()) return value.get_bool() ? "yes" : "no";
  if (value.is_string()) return value.get_string().empty() ? "none" : std::string(value.get_string());
  if (const auto* parts = value.if_object()) {
    std::string text;
    for (const auto& [name, part] : *parts) {
      text += (text.empty() ? "" : ", ") + std::string(name) + " " + shown(name, part);
    }
    return text;
  }
  if (value.is_double()) {
    char text[32];
    const double number = value.get_double();
    std::snprintf(text, sizeof text, ends_with("_us") ? "%g s" : "%.6g", ends_with("_us") ? number / 1e6 : number);
    return text;
  }
  if (value.is_number() && ends_with("_bytes")) return bytes_text(value.to_number<double>());
  if (value.is_int64() && key == "time_us") return time_text(value.get_int64());
  if (value.is_number() && ends_with("_us")) {
    char text[32];
    std::snprintf(text, sizeof text, "%g s", value.to_number<double>() / 1e6);
    return text;
  }
  if (const auto* list = value.if_array()) {
    std::string text;
    for (const auto& item : *list) text += (text.empty() ? "" : "\n                        ") + shown("", item);
    return text.empty() ? "none" : text;
  }
  return json::serialize(value);
}

/// Keys as people read them: "spool_written_bytes" is "spool written".
std::string label(std::string key) {
  for (const std::string_view end : {"_bytes", "_us"}) {
    if (key.size() > end.size() && key.compare(key.size() - end.size(), end.size(), end) == 0) {
      key.resize(key.size() - end.size());
    }
  }
  for (auto& c : key) c = c == '_' ? ' ' : c;
  return key == "state" ? "link" : key == "time" ? "said at" : key;
}

void print(const json::object& status) {
  for (const auto& [key, value] : status) {
    const std::string name(key);
    std::printf("%-22s  %s\n", label(name).c_str(), shown(name, value).c_str());
  }
}

json::object to_json(const telemetry::v1::CommandSchema& c) {
  json::object out{{"name", c.name()},
                   {"title", c.title()},
                   {"role", c.role()},
                   {"confirm", c.confirm()},
                   {"timeout_ms", c.timeout_ms()}};
  boost::system::error_code ec;
  json::value schema = json::parse(c.arguments_schema_json().empty() ? "null" : c.arguments_schema_json(), ec);
  out["args"] = ec ? json::value(nullptr) : std::move(schema);
  return out;
}

/// "seconds: integer 1…60 (required)" for each argument.
std::string arguments_text(const json::value& schema) {
  const auto* object = schema.if_object();
  const auto* properties = object != nullptr ? object->if_contains("properties") : nullptr;
  if (properties == nullptr || !properties->is_object()) return {};
  std::string text;
  for (const auto& property : properties->get_object()) {
    const auto* rules = property.value().if_object();
    text += "    " + std::string(property.key()) + ":";
    if (rules == nullptr) continue;
    for (const char* key : {"type", "enum", "minimum", "maximum", "minLength", "maxLength", "default"}) {
      const auto* value = rules->if_contains(key);
      if (value == nullptr) continue;
      text += std::string(" ") + (std::string_view(key) == "type" ? "" : std::string(key) + " ") +
              (value->is_string() ? std::string(value->get_string()) : json::serialize(*value));
    }
    const auto* required = object->if_contains("required");
    for (std::size_t i = 0; required != nullptr && required->is_array() && i < required->get_array().size(); ++i) {
      if (required->get_array()[i] == json::value(property.key())) text += ", required";
    }
    text += "\n";
  }
  return text;
}

telemetry::v1::Hello declared(const AgentConfig& config) {
  telemetry::v1::Hello hello;
  const auto add = [&hello](const auto& c) {
    auto& schema = *hello.add_commands();
    schema.set_name(c.name);
    schema.set_title(c.title);
    schema.set_arguments_schema_json(c.arguments_schema_json);
    schema.set_confirm(c.confirm);
    schema.set_role(c.role);
    schema.set_timeout_ms(c.timeout_ms);
  };
  add(make_ping({}));
  add(make_sample_now({}));
  for (const auto& name : config.allowed) {
    if (name == "set-interval") add(make_set_interval({}));
    if (name == "restart-agent") add(make_restart_agent({}));
    if (name == "reboot") add(make_reboot_description());
  }
  std::vector<std::string> outputs;
  for (const auto& output : config.outputs) outputs.push_back(output.name);
  if (!outputs.empty()) add(make_set_output(outputs, {}));
  for (const auto& c : config.commands) add(c);
  return hello;
}

}  // namespace

int status_command(const Flags& flags) {
  const auto status = read_status(flags.state_folder);
  if (!status) {
    std::fprintf(stderr, "device-agent: no agent runs in %s\n", flags.state_folder.c_str());
    return 1;
  }
  boost::system::error_code ec;
  const auto parsed = json::parse(status->text, ec);
  if (flags.json || ec || !parsed.is_object()) {
    std::fputs(status->text.c_str(), stdout);
  } else {
    print(parsed.get_object());
  }
  if (status->is_running) return 0;
  std::fprintf(stderr, "device-agent: that agent is gone; this is the last it said\n");
  return 1;
}

int command_list_command(const Flags& flags) {
  const auto config = configuration(flags);
  if (!config) return kConfiguration;
  json::array all;
  const telemetry::v1::Hello hello = declared(*config);
  for (const auto& c : hello.commands()) {
    json::object command = to_json(c);
    if (!flags.json) {
      std::printf("%s%s%s\n    role %s%s, at most %g s\n%s", c.name().c_str(), c.title().empty() ? "" : ": ",
                  c.title().c_str(), c.role().c_str(), c.confirm() ? ", asks for confirmation" : "",
                  c.timeout_ms() / 1e3, arguments_text(command["args"]).c_str());
    }
    all.push_back(std::move(command));
  }
  if (flags.json) std::printf("%s\n", json::serialize(all).c_str());
  return 0;
}

}  // namespace agent
