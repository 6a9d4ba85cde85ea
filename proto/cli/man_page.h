// Manual pages in roff (man(7)), made of a command line's own texts.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/command_tree.h"

namespace cli {

/// A heading and its paragraphs, parted by empty lines; a paragraph that begins with two spaces is printed as it is.
using ManSection = std::pair<std::string, std::string>;

/// A page of section 1: every command with every option, then the sections. `version`: "device-agent 0.1.0".
std::string man_page(const CommandText& program, const std::string& version, const std::vector<ManSection>& sections);

/// A page of any section made of texts only; `title` as in "agent.toml", `what` in one line.
std::string man_page(const std::string& title, int section, const std::string& what, const std::string& version,
                     const std::vector<ManSection>& sections);

}  // namespace cli
