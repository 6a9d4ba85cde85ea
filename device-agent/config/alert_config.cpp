#include "device-agent/config/config_readers.h"
#include "device-agent/config/config_section.h"

namespace agent {

AlertConfig read_alert(const std::string& file, const toml::table& table) {
  ConfigSection s(file, table, "alert.");
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

}  // namespace agent
