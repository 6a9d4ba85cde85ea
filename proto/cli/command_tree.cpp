#include "cli/command_tree.h"

namespace cli {
namespace {

/// CLI11 writes what IsMember allows into the type: "TEXT:{debug,info}".
std::vector<std::string> choices_of(const std::string& type) {
  std::vector<std::string> choices;
  const auto open = type.find('{'), close = type.find('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return choices;
  std::string list = type.substr(open + 1, close - open - 1) + ",";
  for (std::size_t at = 0, comma; (comma = list.find(',', at)) != std::string::npos; at = comma + 1) {
    choices.push_back(list.substr(at, comma - at));
  }
  return choices;
}

OptionText describe_option(const CLI::Option& option) {
  OptionText text;
  text.is_positional = option.get_positional() && !option.nonpositional();
  for (const auto& name : option.get_lnames()) text.names.push_back("--" + name);
  for (const auto& name : option.get_snames()) text.names.push_back("-" + name);
  if (text.is_positional) text.names.push_back(option.get_single_name());
  text.meaning = option.get_description();
  if (option.get_items_expected_max() != 0) {
    const std::string type = option.get_type_name();
    text.choices = choices_of(type);
    text.value = type.substr(0, type.find_first_of(":{ "));
    if (text.value.empty()) text.value = "TEXT";
  }
  text.environment = option.get_envname();
  text.default_value = option.get_default_str();
  text.is_required = option.get_required();
  return text;
}

CommandText describe_below(const CLI::App& app, std::vector<std::string> path, const std::string& inherited_footer) {
  CommandText text;
  text.path = std::move(path);
  text.meaning = app.get_description();
  // CLI11 hands a footer down to the commands below.
  if (app.get_footer() != inherited_footer) text.footer = app.get_footer();
  for (const auto* option : app.get_options([](const CLI::Option* o) { return !o->get_group().empty(); })) {
    text.options.push_back(describe_option(*option));
  }
  for (const auto* command : app.get_subcommands([](const CLI::App* a) { return !a->get_group().empty(); })) {
    auto below = text.path;
    below.push_back(command->get_name());
    text.commands.push_back(describe_below(*command, std::move(below), app.get_footer()));
  }
  return text;
}

void flatten_into(const CommandText& command, std::vector<const CommandText*>& all) {
  all.push_back(&command);
  for (const auto& below : command.commands) flatten_into(below, all);
}

}  // namespace

CommandText describe(const CLI::App& app, const std::string& program) {
  return describe_below(app, {program}, "");
}

std::vector<const CommandText*> flatten(const CommandText& command) {
  std::vector<const CommandText*> all;
  flatten_into(command, all);
  return all;
}

std::string joined(const std::vector<std::string>& words, const std::string& by) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : by) + word;
  return text;
}

}  // namespace cli
