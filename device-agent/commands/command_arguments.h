// Arguments of a command: checked by the schema of this device's config, and put into its argv template.
//
// A template's part is text with placeholders: "{name}" becomes the value of that argument ("{{" is a brace). One part
// is one argument of the program, whatever the value holds: spaces, quotes, semicolons mean nothing, there is no shell.
// A value cannot become an option: a part that does not begin with '-' in the template must not begin with one when it
// is filled, unless the command says `allow_dash`.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

namespace agent {

inline constexpr std::size_t kMostArgumentBytes = 8 * 1'024;

/// The arguments with the schema's defaults where they say nothing, or what is wrong with them. The hub has checked
/// them as well: this is the device's own word. At most 8 KiB and 32 levels deep.
std::optional<std::string> read_arguments(const std::string& schema_json, const std::string& arguments_json,
                                          boost::json::object& out);

/// The program's arguments, or what is wrong.
std::optional<std::string> fill_template(const std::vector<std::string>& run, bool allow_dash,
                                         const boost::json::object& arguments, std::vector<std::string>& argv);

/// Names of all placeholders, in order, with repeats; nothing where a brace is left open.
std::optional<std::vector<std::string>> placeholders_of(const std::vector<std::string>& run);

/// Whether an argument is always there: required by the schema, or it has a default.
bool is_certain(const boost::json::object& schema, const std::string& name);

}  // namespace agent
