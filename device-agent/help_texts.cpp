#include "device-agent/help_texts.h"

#include <cstdio>
#include <sstream>

#include "cli/completion.h"
#include "cli/man_page.h"
#include "device-agent/cli_flags.h"

namespace agent {
namespace {

constexpr char kVersion[] = "device-agent " TELEMETRY_VERSION;

/// Lines that the manual page prints as they are.
std::string literal(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) out += line.empty() ? "\n" : "  " + line + "\n";
  return out;
}

const char kFiles[] = R"(/etc/device-agent/agent.toml: the configuration, see agent.toml(5).

/etc/device-agent/agent.d/*.toml: more of it, read after that in the order of their names.

/var/lib/device-agent: the credential, what the hub has not acknowledged yet, the ledger of executions. Another user's
agent has it in ~/.local/state/device-agent.

/run/device-agent: what the running agent says of itself.)";

std::string program_page(const CLI::App& app) {
  return cli::man_page(cli::describe(app, "device-agent"), kVersion,
                       {{"FILES", kFiles}, {"SEE ALSO", "agent.toml(5), systemctl(1), journalctl(1)"}});
}

std::string config_page() {
  return cli::man_page(
      "agent.toml", 5, "configuration of the device agent", kVersion,
      {{"DESCRIPTION",
        "TOML, read by device-agent(1) from /etc/device-agent/agent.toml, from the file that --config names, or from "
        "the one in the environment variable DEVICE_AGENT_CONFIG. What lies beside it in a folder of the same name "
        "ending in .d, as /etc/device-agent/agent.d/*.toml, is read after it in the order of the names.\n\n"
        "Every key is optional. An unknown key or a value of the wrong kind is an error that names file, line and "
        "key; \"device-agent config check\" looks for them. ${NAME} in a text is replaced by that environment "
        "variable.\n\n"
        "Durations are written as \"100ms\", \"10s\", \"5m\", \"1h\"; sizes as \"64MiB\"."},
       {"KEYS", literal(default_config())},
       {"SEE ALSO", "device-agent(1)"}});
}

}  // namespace

int completion_command(const CLI::App& app, const std::string& shell) {
  const auto script = cli::completion(cli::describe(app, "device-agent"), shell);
  if (!script) return kUsage;
  std::fputs(script->c_str(), stdout);
  return 0;
}

int man_command(const CLI::App& app, const std::string& page) {
  std::fputs((page == "agent.toml" ? config_page() : program_page(app)).c_str(), stdout);
  return 0;
}

}  // namespace agent
