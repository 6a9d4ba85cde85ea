// The subcommands check, backup, restore, query and export, as users type them.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

namespace hub::tools {

/// Adds them to `app`; `add_common` gives each its --data-dir and --config. One for the life of the parse.
class ToolCommands {
 public:
  ToolCommands(CLI::App& app, const std::function<void(CLI::App&)>& add_common);
  ~ToolCommands();

  /// Whether one of them was typed.
  bool is_chosen() const;
  /// Runs it; answers the exit code. Prints results on stdout, what is wrong and how far it is on stderr. SIGINT ends
  /// an export where it can be taken up.
  int run(const std::string& data_dir) const;

 private:
  struct Flags;
  std::unique_ptr<Flags> flags_;
};

}  // namespace hub::tools
