// A program's command line as plain data: what completions and manual pages are made of.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

namespace cli {

struct OptionText {
  std::vector<std::string> names;  // "--config", "-c"; of a positional its one name
  std::string meaning;
  std::string value;  // "FILE", "TEXT"; empty: a flag
  std::vector<std::string> choices;
  std::string environment, default_value;
  bool is_positional = false;
  bool is_required = false;

  bool is_file() const { return value == "FILE" || value == "PATH"; }
  bool is_folder() const { return value == "DIR"; }
};

/// A command or subcommand. `path` is what is typed: {"device-agent", "sensors", "list"}. Hidden ones are left out.
struct CommandText {
  std::vector<std::string> path;
  std::string meaning, footer;
  std::vector<OptionText> options;  // --help first, positionals in their order
  std::vector<CommandText> commands;
};

/// `program` is its file name: the app itself may have none before it has parsed.
CommandText describe(const CLI::App& app, const std::string& program);

/// The program first, then every subcommand below it, depth first.
std::vector<const CommandText*> flatten(const CommandText& command);

/// "device-agent sensors list"
std::string joined(const std::vector<std::string>& words, const std::string& by);

}  // namespace cli
