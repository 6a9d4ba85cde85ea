#include "cli/completion.h"

namespace cli {
namespace {

/// 'text' for any of the three shells' single quotes.
std::string quoted(const std::string& text, const char* quote) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += quote;
    } else {
      out += c == '\n' ? ' ' : c;
    }
  }
  return out + "'";
}

std::string replaced(std::string text, char what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) text.replace(at, 1, by);
  return text;
}

std::string function_name(const CommandText& program) {
  return "_" + replaced(program.path.front(), '-', "_");
}

std::vector<std::string> names_of(const std::vector<CommandText>& commands) {
  std::vector<std::string> names;
  for (const auto& command : commands) names.push_back(command.path.back());
  return names;
}

/// Which option takes a value, and which one: "path option) …" of a case over "$at $previous".
std::string bash_values(const CommandText& program) {
  std::string cases;
  for (const auto* command : flatten(program)) {
    for (const auto& option : command->options) {
      if (option.is_positional || option.value.empty()) continue;
      std::string patterns;
      for (const auto& name : option.names) {
        patterns += (patterns.empty() ? "" : "|") + ("'" + joined(command->path, " ") + " " + name + "'");
      }
      std::string reply = "COMPREPLY=()";
      if (option.is_file()) reply = "compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$current\"))";
      if (option.is_folder()) reply = "compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- \"$current\"))";
      if (!option.choices.empty()) {
        reply = "COMPREPLY=($(compgen -W '" + joined(option.choices, " ") + "' -- \"$current\"))";
      }
      cases += "    " + patterns + ") " + reply + "; return ;;\n";
    }
  }
  return cases;
}

/// What can follow at each command.
std::string bash_words(const CommandText& program) {
  std::string cases;
  for (const auto* command : flatten(program)) {
    std::vector<std::string> words = names_of(command->commands), files;
    for (const auto& option : command->options) {
      if (option.is_positional) {
        for (const auto& choice : option.choices) words.push_back(choice);
        if (option.is_file()) files.push_back("yes");
      } else {
        words.insert(words.end(), option.names.begin(), option.names.end());
      }
    }
    cases += "    '" + joined(command->path, " ") + "') words='" + joined(words, " ") + "'" +
             (files.empty() ? "" : "; files=yes") + " ;;\n";
  }
  return cases;
}

std::string bash(const CommandText& program) {
  const std::string function = function_name(program), name = program.path.front();
  std::string paths;
  for (const auto* command : flatten(program)) {
    if (command->path.size() > 1) paths += (paths.empty() ? "" : "|") + ("'" + joined(command->path, " ") + "'");
  }
  return "# bash completion of " + name + ", made by: " + name + " completion bash\n" + function +
         "() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} at='" +
         name +
         "' words= files= word\n"
         "  COMPREPLY=()\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case \"$at $word\" in\n"
         "      " +
         paths + ") at=\"$at $word\" ;;\n    esac\n  done\n  case \"$at $previous\" in\n" + bash_values(program) +
         "  esac\n  case \"$at\" in\n" + bash_words(program) +
         "  esac\n"
         "  [ -z \"$files\" ] || compopt -o filenames 2>/dev/null\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\")\n"
         "             $([ -z \"$files\" ] || compgen -f -- \"$current\"))\n"
         "}\n"
         "complete -F " +
         function + " " + name + "\n";
}

std::string zsh_action(const OptionText& option) {
  if (!option.choices.empty()) return ":(" + joined(option.choices, " ") + ")";
  if (option.is_file()) return ":_files";
  if (option.is_folder()) return ":_files -/";
  return ":";
}

/// One _arguments call for each command, chosen by what was typed before; a nested function a command.
std::string zsh(const CommandText& program) {
  const std::string name = program.path.front();
  std::string out = "#compdef " + name + "\n# zsh completion, made by: " + name + " completion zsh\n\n";
  const auto escaped = [](const std::string& text) {
    return replaced(replaced(replaced(replaced(text, '\\', "\\\\"), '[', "\\["), ']', "\\]"), ':', "\\:");
  };
  for (const auto* command : flatten(program)) {
    const std::string function = "_" + replaced(joined(command->path, "__"), '-', "_");
    out += function + "() {\n  local context state state_descr line\n  typeset -A opt_args\n  _arguments -C";
    for (const auto& option : command->options) {
      const std::string value = option.value.empty() ? "" : ":" + escaped(option.value) + zsh_action(option);
      if (option.is_positional) {
        out += " \\\n    " +
               quoted((option.is_required ? ":" : "::") + escaped(option.names.front()) + zsh_action(option), "'\\''");
        continue;
      }
      for (const auto& each : option.names) {
        out += " \\\n    " + quoted(each + "[" + escaped(option.meaning) + "]" + value, "'\\''");
      }
    }
    if (!command->commands.empty()) {
      out += " \\\n    '1:command:->command' \\\n    '*::argument:->argument'";
    }
    out += "\n";
    if (!command->commands.empty()) {
      out += "  case $state in\n    command)\n      local -a commands=(\n";
      for (const auto& below : command->commands) {
        out += "        " + quoted(below.path.back() + ":" + escaped(below.meaning), "'\\''") + "\n";
      }
      out += "      )\n      _describe command commands ;;\n    argument)\n      case $line[1] in\n";
      for (const auto& below : command->commands) {
        out += "        " + below.path.back() + ") _" + replaced(joined(below.path, "__"), '-', "_") + " ;;\n";
      }
      out += "      esac ;;\n  esac\n";
    }
    out += "}\n\n";
  }
  const std::string function = "_" + replaced(name, '-', "_");
  return out + "if [ \"$funcstack[1]\" = " + function + " ]; then " + function + " \"$@\"; else compdef " + function +
         " " + name + "; fi\n";
}

std::string fish(const CommandText& program) {
  const std::string name = program.path.front();
  std::string out =
      "# fish completion of " + name + ", made by: " + name + " completion fish\ncomplete -c " + name + " -f\n";
  for (const auto* command : flatten(program)) {
    // Every word of the path was typed; at a command that has others below, none of those yet.
    std::string when;
    for (std::size_t i = 1; i < command->path.size(); ++i) {
      when += (when.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + command->path[i]);
    }
    const std::string none_below =
        command->commands.empty() ? "" : "not __fish_seen_subcommand_from " + joined(names_of(command->commands), " ");
    const std::string both = when + (when.empty() || none_below.empty() ? "" : "; and ") + none_below;
    const std::string condition = both.empty() ? "" : " -n '" + both + "'";
    for (const auto& below : command->commands) {
      out +=
          "complete -c " + name + condition + " -a " + below.path.back() + " -d " + quoted(below.meaning, "\\'") + "\n";
    }
    for (const auto& option : command->options) {
      if (option.is_positional && option.choices.empty() && !option.is_file()) continue;
      std::string line = "complete -c " + name + condition;
      if (!option.is_positional) {
        for (const auto& each : option.names) {
          line += each.starts_with("--") ? " -l " + each.substr(2) : " -s " + each.substr(1);
        }
        if (!option.value.empty()) line += option.is_file() ? " -r" : " -x";
      }
      if (option.is_file()) line += " -F";
      if (option.is_folder()) line += " -a '(__fish_complete_directories)'";
      if (!option.choices.empty()) line += " -a " + quoted(joined(option.choices, " "), "\\'");
      out += line + " -d " + quoted(option.meaning, "\\'") + "\n";
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> completion(const CommandText& program, const std::string& shell) {
  if (shell == "bash") return bash(program);
  if (shell == "zsh") return zsh(program);
  if (shell == "fish") return fish(program);
  return std::nullopt;
}

}  // namespace cli
