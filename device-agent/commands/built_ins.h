// The built-in commands that act on the agent and its machine. Each is there only where the config allows it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "device-agent/commands/command_runner.h"

namespace agent {

/// Names that no [[command]] may take.
bool is_built_in(const std::string& name);
/// What [commands] allow may hold.
const std::vector<std::string>& allowable_built_ins();

/// What they answer, as JSON.
BuiltIn make_ping(std::function<std::string()> answer);
BuiltIn make_sample_now(std::function<std::string()> answer);

/// What set-interval does. `seconds` 0: as the config says. The answer is
/// what hinders it, or empty.
using SetInterval = std::function<std::string(double seconds)>;
BuiltIn make_set_interval(SetInterval set);

/// set-output of these outputs; `set` says what hinders it, or nothing.
using SetOutput = std::function<std::string(const std::string& name, bool value, std::optional<std::int64_t> for_us)>;
BuiltIn make_set_output(const std::vector<std::string>& names, SetOutput set);

/// Is answered by the next process: SUCCEEDED. `restart` makes this one end.
BuiltIn make_restart_agent(std::function<void()> restart);

/// Runs `argv` (systemctl reboot), and is settled by the next boot: SUCCEEDED there, FAILED where the program failed,
/// or the machine is still the same ten minutes later. It belongs to `runner`.
BuiltIn make_reboot(std::vector<std::string> argv, std::string boot_id_hex, CommandRunner& runner);
BuiltIn make_reboot_description();  // without what it does
std::vector<std::string> reboot_program();

/// What restart-agent and reboot of an earlier process came to; nothing for what is not theirs.
std::optional<BuiltInAnswer> settle_built_in(const std::string& pending, const std::string& boot_id_hex);

}  // namespace agent
