#include "hub/storage/sqlite/json_columns.h"

#include <boost/json.hpp>

namespace hub::sqlite {
namespace {

namespace json = boost::json;

// What was stored must load again whatever bytes a device put into it; checking text is for those who take it in.
std::optional<json::value> parse(std::string_view text) {
  json::parse_options options;
  options.allow_invalid_utf8 = true;
  boost::system::error_code failed;
  auto value = json::parse(text, failed, {}, options);
  if (failed) return std::nullopt;
  return value;
}

std::string text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace

std::string to_json_text(const std::map<std::string, std::string>& texts) {
  json::object object;
  for (const auto& [key, text] : texts) object[key] = text;
  return json::serialize(object);
}

std::string to_json_text(const std::vector<std::string>& texts) {
  json::array array;
  for (const auto& text : texts) array.emplace_back(text);
  return json::serialize(array);
}

std::string to_json_text(const std::vector<CommandDescription>& commands) {
  json::array array;
  for (const auto& command : commands) {
    array.push_back(json::object{{"name", command.name},
                                 {"title", command.title},
                                 {"arguments_schema", command.arguments_schema_json},
                                 {"role", command.role},
                                 {"confirm", command.confirm},
                                 {"timeout_ms", command.timeout_ms}});
  }
  return json::serialize(array);
}

bool from_json_text(std::string_view text, std::map<std::string, std::string>& texts) {
  const auto value = parse(text);
  if (!value || !value->is_object()) return false;
  texts.clear();
  for (const auto& [key, member] : value->get_object()) {
    if (!member.is_string()) return false;
    texts.emplace(std::string(key), std::string(member.get_string()));
  }
  return true;
}

bool from_json_text(std::string_view text, std::vector<std::string>& texts) {
  const auto value = parse(text);
  if (!value || !value->is_array()) return false;
  texts.clear();
  for (const auto& member : value->get_array()) {
    if (!member.is_string()) return false;
    texts.emplace_back(member.get_string());
  }
  return true;
}

bool from_json_text(std::string_view text, std::vector<CommandDescription>& commands) {
  const auto value = parse(text);
  if (!value || !value->is_array()) return false;
  commands.clear();
  for (const auto& member : value->get_array()) {
    if (!member.is_object()) return false;
    const auto& object = member.get_object();
    CommandDescription command;
    command.name = text_of(object, "name");
    command.title = text_of(object, "title");
    command.arguments_schema_json = text_of(object, "arguments_schema");
    command.role = text_of(object, "role");
    if (const auto* confirm = object.if_contains("confirm"))
      command.confirm = confirm->is_bool() && confirm->get_bool();
    if (const auto* timeout = object.if_contains("timeout_ms")) {
      boost::system::error_code failed;
      command.timeout_ms = timeout->to_number<std::uint32_t>(failed);
      if (failed) return false;
    }
    commands.push_back(std::move(command));
  }
  return true;
}

}  // namespace hub::sqlite
