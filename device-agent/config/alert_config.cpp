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
  a.output = s.text("output", "");
  a.value = s.flag("value", true);
  if (a.action != "log" && a.action != "command" && a.action != "output")
    s.refuse("action", "must be \"log\", \"command\" or \"output\"");
  if (a.action == "output" && a.output.empty()) s.refuse("output", "is needed where action is \"output\"");
  if (a.action != "output" && !a.output.empty()) s.refuse("output", "needs action = \"output\"");
  if (a.action == "command" && a.command.empty()) s.refuse("command", "is needed where action is \"command\"");
  s.refuse_unknown();
  return a;
}

}  // namespace agent
