#include "cli/man_page.h"

#include <sstream>

namespace cli {
namespace {

/// No character of `text` means anything to roff; "-" stays the one that can be copied from the page.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\n') {
      out += ' ';
    } else {
      out += c;
    }
  }
  if (!out.empty() && (out.front() == '.' || out.front() == '\'')) out.insert(0, "\\&");
  return out;
}

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\\(dq") : std::string(1, c);
  return out + "\"";
}

std::string heading(const std::string& title, int section, const std::string& what, const std::string& version) {
  return ".TH " + quoted(plain(upper(title))) + " " + std::to_string(section) + " \"\" " + quoted(plain(version)) +
         "\n.SH NAME\n" + plain(title) + " \\- " + plain(what) + "\n";
}

/// Paragraphs; those that begin with two spaces keep their lines.
std::string body(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  bool is_open = false, is_literal = false;
  std::string empty_lines;  // of a literal part; they count only where it goes on
  const auto close = [&] {
    if (is_literal) out += ".fi\n.RE\n";
    is_open = is_literal = false;
    empty_lines.clear();
  };
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() && !is_literal) {
      close();
    } else if (line.empty()) {
      empty_lines += "\n";
    } else if (line.starts_with("  ")) {
      if (!is_literal) {
        close();
        out += ".PP\n.RS 4\n.nf\n";
        is_open = is_literal = true;
      }
      out += empty_lines + plain(line.substr(2)) + "\n";
      empty_lines.clear();
    } else {
      if (is_literal) close();
      if (!is_open) out += ".PP\n";
      is_open = true;
      out += plain(line) + "\n";
    }
  }
  close();
  return out;
}

std::string option_heading(const OptionText& option) {
  std::string line;
  for (const auto& name : option.names) line += (line.empty() ? "" : ", ") + ("\\fB" + plain(name) + "\\fR");
  if (!option.value.empty() && !option.is_positional) line += " \\fI" + plain(option.value) + "\\fR";
  return line;
}

std::string option_entry(const OptionText& option) {
  std::string text = ".TP\n" + option_heading(option) + "\n" + plain(option.meaning);
  if (!option.choices.empty()) text += " (one of: " + plain(joined(option.choices, ", ")) + ")";
  if (!option.environment.empty()) text += "; environment: " + plain(option.environment);
  return text + "\n";
}

std::string synopsis(const CommandText& command) {
  std::string line = "\\fB" + plain(joined(command.path, " ")) + "\\fR";
  bool has_options = false;
  std::string positional;
  for (const auto& option : command.options) {
    if (!option.is_positional) {
      has_options = true;
    } else {
      const std::string name = "\\fI" + plain(option.names.front()) + "\\fR";
      positional += " " + (option.is_required ? name : "[" + name + "]");
    }
  }
  return line + (has_options ? " [\\fIoptions\\fR]" : "") + positional +
         (command.commands.empty() ? "" : " \\fIcommand\\fR");
}

}  // namespace

std::string man_page(const CommandText& program, const std::string& version, const std::vector<ManSection>& sections) {
  std::string page = heading(program.path.front(), 1, program.meaning, version);
  page += ".SH SYNOPSIS\n" + synopsis(program) + "\n.SH DESCRIPTION\n" + plain(program.meaning) + "\n.SH OPTIONS\n";
  for (const auto& option : program.options) page += option_entry(option);
  page += ".SH COMMANDS\n";
  for (const auto* command : flatten(program)) {
    if (command->path.size() == 1) continue;
    page += ".SS " + quoted(plain(joined({command->path.begin() + 1, command->path.end()}, " "))) + "\n" +
            synopsis(*command) + "\n.PP\n" + plain(command->meaning) + "\n";
    for (const auto& option : command->options) {
      if (option.names.front() != "--help") page += option_entry(option);
    }
    if (!command->footer.empty()) page += body(command->footer);
  }
  if (!program.footer.empty()) page += ".SH NOTES\n" + body(program.footer);
  for (const auto& [title, text] : sections) page += ".SH " + quoted(plain(title)) + "\n" + body(text);
  return page;
}

std::string man_page(const std::string& title, int section, const std::string& what, const std::string& version,
                     const std::vector<ManSection>& sections) {
  std::string page = heading(title, section, what, version);
  for (const auto& [name, text] : sections) page += ".SH " + quoted(plain(name)) + "\n" + body(text);
  return page;
}

}  // namespace cli
