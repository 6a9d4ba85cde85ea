#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "device-agent/config/config_readers.h"
#include "device-agent/config/config_section.h"
#include "rules/json_schema.h"

namespace agent {

CommandConfig read_command(const std::string& file, const toml::table& table) {
  ConfigSection s(file, table, "command.");
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

}  // namespace agent
