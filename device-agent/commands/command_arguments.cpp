#include "device-agent/commands/command_arguments.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <cmath>
#include <functional>

#include "rules/json_schema.h"

namespace agent {
namespace {

namespace json = boost::json;

/// As people write it: JSON's serializer makes 1.5E0 of 1.5.
std::string shown(const json::value& v) {
  if (v.is_double()) {
    std::array<char, 40> text{};
    const bool is_plain = std::abs(v.get_double()) < 1e15 && std::abs(v.get_double()) > 1e-9;
    const auto format = is_plain || v.get_double() == 0 ? std::chars_format::fixed : std::chars_format::general;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), v.get_double(), format).ptr;
    return {text.data(), end};
  }
  return v.is_string() ? std::string(v.get_string().data(), v.get_string().size()) : json::serialize(v);
}

/// Calls for each piece of a part: text, or a placeholder's name. False: a brace is left open.
bool walk(const std::string& part, const std::function<void(const std::string&, bool is_name)>& piece) {
  std::string text;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const bool doubled = i + 1 < part.size() && part[i + 1] == part[i];
    if ((part[i] == '{' || part[i] == '}') && doubled) {
      text.push_back(part[i++]);
      continue;
    }
    if (part[i] != '{') {
      text.push_back(part[i]);
      continue;
    }
    const std::size_t end = part.find('}', i);
    if (end == std::string::npos || end == i + 1) return false;
    piece(text, false);
    text.clear();
    piece(part.substr(i + 1, end - i - 1), true);
    i = end;
  }
  piece(text, false);
  return true;
}

void put_defaults(const std::string& schema_json, json::object& arguments) {
  if (schema_json.empty()) return;
  boost::system::error_code ec;
  const auto schema = json::parse(schema_json, ec);
  const auto* properties = ec || !schema.is_object() ? nullptr : schema.get_object().if_contains("properties");
  if (properties == nullptr || !properties->is_object()) return;
  for (const auto& property : properties->get_object()) {
    const auto* rules = property.value().if_object();
    const auto* otherwise = rules != nullptr ? rules->if_contains("default") : nullptr;
    if (otherwise != nullptr && !arguments.contains(property.key())) arguments[property.key()] = *otherwise;
  }
}

}  // namespace

std::optional<std::string> read_arguments(const std::string& schema_json, const std::string& arguments_json,
                                          json::object& out) {
  if (arguments_json.size() > kMostArgumentBytes) return "the arguments are longer than 8 KiB";
  boost::system::error_code ec;
  json::value arguments = json::parse(arguments_json.empty() ? "{}" : arguments_json, ec);
  if (ec || !arguments.is_object()) return "the arguments are not a JSON object";
  put_defaults(schema_json, arguments.get_object());
  const auto schema = rules::JsonSchema::parse(schema_json);
  if (!schema) return "the schema of the arguments is unusable: " + schema.error().text();
  if (const auto problem = schema->check(arguments)) return "arguments: " + problem->text();
  out = std::move(arguments.get_object());
  return std::nullopt;
}

std::optional<std::string> fill_template(const std::vector<std::string>& run, bool allow_dash,
                                         const json::object& arguments, std::vector<std::string>& argv) {
  argv.clear();
  for (const auto& part : run) {
    std::string filled, missing;
    bool begins_with_text = false;
    const bool is_closed = walk(part, [&](const std::string& piece, bool is_name) {
      if (!is_name) {
        begins_with_text = begins_with_text || (filled.empty() && !piece.empty());
        filled += piece;
        return;
      }
      const auto* value = arguments.if_contains(piece);
      if (value == nullptr) missing = piece;
      if (value != nullptr) filled += shown(*value);
    });
    if (!is_closed) return "the command's template has an open brace";
    if (!missing.empty()) return "the argument \"" + missing + "\" that the command needs is missing";
    if (filled.find('\0') != std::string::npos) return "an argument holds a zero byte";
    if (!filled.empty() && filled[0] == '-' && !begins_with_text && !allow_dash && !argv.empty()) {
      return "the value for \"" + part +
             "\" begins with '-' and would be read as an option; the command has no allow_dash";
    }
    argv.push_back(std::move(filled));
  }
  if (!argv.empty() && argv[0] != run[0]) return "the program itself must not depend on an argument";
  return std::nullopt;
}

std::optional<std::vector<std::string>> placeholders_of(const std::vector<std::string>& run) {
  std::vector<std::string> names;
  for (const auto& part : run) {
    const bool is_closed = walk(part, [&names](const std::string& piece, bool is_name) {
      if (is_name) names.push_back(piece);
    });
    if (!is_closed) return std::nullopt;
  }
  return names;
}

bool is_certain(const json::object& schema, const std::string& name) {
  if (const auto* required = schema.if_contains("required"); required != nullptr && required->is_array()) {
    const auto& list = required->get_array();
    if (std::any_of(list.begin(), list.end(), [&name](const json::value& v) { return v == json::value(name); }))
      return true;
  }
  const auto* properties = schema.if_contains("properties");
  const auto* all = properties != nullptr ? properties->if_object() : nullptr;
  const auto* property = all != nullptr ? all->if_contains(name) : nullptr;
  const auto* rules = property != nullptr ? property->if_object() : nullptr;
  return rules != nullptr && rules->contains("default");
}

}  // namespace agent
