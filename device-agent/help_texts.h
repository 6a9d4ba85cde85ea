// What the agent says about itself beyond --help: shell completions, manual pages.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace agent {

/// Prints the completion script; the exit code.
int completion_command(const CLI::App& app, const std::string& shell);
/// Prints a manual page as roff: "device-agent" (section 1) or "agent.toml" (section 5); the exit code.
int man_command(const CLI::App& app, const std::string& page);

}  // namespace agent
