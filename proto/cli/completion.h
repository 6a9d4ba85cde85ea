// Completion scripts of a command line, for bash, zsh and fish: complete in themselves, they need no other package.
#pragma once

#include <optional>
#include <string>

#include "cli/command_tree.h"

namespace cli {

/// `shell`: "bash", "zsh" or "fish"; nothing for another one.
std::optional<std::string> completion(const CommandText& program, const std::string& shell);

}  // namespace cli
