#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "device-agent/commands/built_ins.h"
#include "device-agent/commands/command_arguments.h"
#include "device-agent/config/config_readers.h"
#include "device-agent/config/config_section.h"
#include "device-agent/process/child_process.h"
#include "rules/json_schema.h"
#include "wire/frame_codec.h"

namespace agent {
namespace {

constexpr std::size_t kMostSchemaBytes = 8 * 1'024;  // the hub drops a command with more
constexpr std::size_t kMostTitleBytes = 128;

/// Each placeholder must have a value whenever the command runs.
void check_placeholders(ConfigSection& s, const CommandConfig& c, const boost::json::object& schema) {
  const auto names = placeholders_of(c.run);
  if (!names) s.refuse("run", "a brace is left open: {name} is an argument, {{ a brace");
  if (!placeholders_of({c.run[0]})->empty()) s.refuse("run", "the program itself must not depend on an argument");
  for (const auto& name : *names) {
    const auto* properties = schema.if_contains("properties");
    const auto* all = properties != nullptr ? properties->if_object() : nullptr;
    if (all == nullptr || !all->contains(name)) {
      s.refuse("run", "{" + name + "} is no argument: [command.args.properties." + name + "] is not there");
    }
    if (!is_certain(schema, name)) {
      s.refuse("run", "{" + name + "} may be missing: put \"" + name + "\" into args.required, or give it a default");
    }
  }
}

void check_defaults(ConfigSection& s, const boost::json::object& schema) {
  const auto* properties = schema.if_contains("properties");
  if (properties == nullptr || !properties->is_object()) return;
  for (const auto& property : properties->get_object()) {
    const auto* own = property.value().if_object();
    const auto* otherwise = own != nullptr ? own->if_contains("default") : nullptr;
    if (otherwise == nullptr) continue;
    const auto usable = rules::JsonSchema::parse(boost::json::serialize(*own));
    const auto wrong = usable ? usable->check(*otherwise) : std::nullopt;
    if (wrong) s.refuse("args", "the default of \"" + std::string(property.key()) + "\" " + wrong->text());
  }
}

}  // namespace

CommandConfig read_command(const std::string& file, const toml::table& table) {
  ConfigSection s(file, table, "command.");
  CommandConfig c;
  c.name = s.text("name", "");
  c.title = s.text("title", "");
  c.run = s.texts("run");
  c.role = s.text("role", "operator");
  c.confirm = s.flag("confirm");
  c.timeout_ms = static_cast<std::uint32_t>(s.duration_us("timeout", 60'000'000, 1'000, 86'400'000'000LL) / 1'000);
  c.allow_dash = s.flag("allow_dash");
  c.user = s.text("user", "");
  c.folder = s.text("folder", "/");
  boost::json::value json = boost::json::object();
  if (const toml::node* schema = s.take("args")) {
    json = to_json(*schema);
    if (auto* object = json.if_object(); object != nullptr && !object->contains("type")) (*object)["type"] = "object";
    c.arguments_schema_json = boost::json::serialize(json);
    const auto usable = rules::JsonSchema::parse(c.arguments_schema_json);
    if (!usable) s.refuse("args", usable.error().text());
    if (c.arguments_schema_json.size() > kMostSchemaBytes) s.refuse("args", "is longer than 8 KiB as JSON");
  }
  if (!wire::is_series_name(c.name) || is_built_in(c.name))
    s.refuse("name", "must be a name of letters, digits and _ . : - that is not built in");
  if (c.title.size() > kMostTitleBytes) s.refuse("title", "must be at most 128 bytes long");
  if (c.run.empty() || c.run[0].empty() || c.run[0][0] != '/')
    s.refuse("run", "must be [\"/absolute/program\", \"argument\", …]");
  if (c.role != "viewer" && c.role != "operator" && c.role != "admin")
    s.refuse("role", "must be viewer, operator or admin");
  if (c.folder.empty() || c.folder[0] != '/') s.refuse("folder", "must be a whole path");
  if (const std::string why = why_not_as(c.user); !why.empty()) s.refuse("user", why);
  if (json.is_object()) check_defaults(s, json.get_object());
  check_placeholders(s, c, json.is_object() ? json.get_object() : boost::json::object());
  s.refuse_unknown();
  return c;
}

}  // namespace agent
