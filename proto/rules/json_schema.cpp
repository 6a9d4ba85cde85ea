#include "rules/json_schema.h"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <cmath>

namespace rules {
namespace {

namespace json = boost::json;

constexpr int kDepth = 16;
constexpr std::size_t kArgumentBytes = 8 * 1024;
constexpr std::array<std::string_view, 7> kTypes{"object", "array", "string", "number", "integer", "boolean", "null"};
constexpr std::array<std::string_view, 5> kIgnored{"title", "description", "default", "format", "$schema"};

std::string_view text_of(const json::value& v) {
  return {v.get_string().data(), v.get_string().size()};
}

std::optional<double> number_of(const json::value& v) {
  if (v.is_double()) return v.get_double();
  if (v.is_int64()) return static_cast<double>(v.get_int64());
  if (v.is_uint64()) return static_cast<double>(v.get_uint64());
  return std::nullopt;
}

bool is_type(const json::value& v, std::string_view type) {
  if (type == "object") return v.is_object();
  if (type == "array") return v.is_array();
  if (type == "string") return v.is_string();
  if (type == "boolean") return v.is_bool();
  if (type == "null") return v.is_null();
  const auto number = number_of(v);
  return number && (type == "number" || *number == std::floor(*number));
}

double characters(std::string_view utf8) {
  return static_cast<double>(std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string shown(double number) {
  std::string out = std::to_string(number);
  out.erase(out.find_last_not_of('0') + 1);
  if (!out.empty() && out.back() == '.') out.pop_back();
  return out;
}

std::string at_place(const std::string& at, const std::string& why) {
  return (at.empty() ? "/" : at) + ": " + why;
}

std::optional<std::string> check_schema_at(const json::value& schema, const std::string& at, int depth) {
  if (!schema.is_object()) return at_place(at, "a schema is an object");
  if (depth > kDepth) return at_place(at, "nested deeper than 16");
  for (const auto& [key, value] : schema.get_object()) {
    const std::string_view name(key.data(), key.size());
    if (name == "type") {
      if (!value.is_string() || std::find(kTypes.begin(), kTypes.end(), text_of(value)) == kTypes.end()) {
        return at_place(at, "type must be one of object, array, string, number, integer, boolean, null");
      }
    } else if (name == "properties") {
      if (!value.is_object()) return at_place(at, "properties must be an object");
      for (const auto& [property, inner] : value.get_object()) {
        if (auto problem = check_schema_at(inner, at + "/" + std::string(property), depth + 1)) return problem;
      }
    } else if (name == "items") {
      if (auto problem = check_schema_at(value, at + "/items", depth + 1)) return problem;
    } else if (name == "required") {
      const bool texts = value.is_array() && std::all_of(value.get_array().begin(), value.get_array().end(),
                                                         [](const json::value& v) { return v.is_string(); });
      if (!texts) return at_place(at, "required must be a list of names");
    } else if (name == "enum") {
      if (!value.is_array() || value.get_array().empty()) return at_place(at, "enum must be a list of values");
    } else if (name == "additionalProperties") {
      if (!value.is_bool()) return at_place(at, "additionalProperties must be true or false");
    } else if (name == "minimum" || name == "maximum") {
      if (!number_of(value)) return at_place(at, std::string(name) + " must be a number");
    } else if (name == "minLength" || name == "maxLength" || name == "minItems" || name == "maxItems") {
      if (!is_type(value, "integer") || *number_of(value) < 0) {
        return at_place(at, std::string(name) + " must be a whole number");
      }
    } else if (name != "const" && std::find(kIgnored.begin(), kIgnored.end(), name) == kIgnored.end()) {
      return at_place(at, "keyword \"" + std::string(name) + "\" is not in the subset that is checked");
    }
  }
  return std::nullopt;
}

std::optional<std::string> check_at(const json::object& schema, const json::value& value, const std::string& at);

std::optional<std::string> check_object(const json::object& schema, const json::object& object, const std::string& at) {
  const json::value* properties = schema.if_contains("properties");
  if (const json::value* required = schema.if_contains("required")) {
    for (const auto& name : required->get_array()) {
      if (!object.contains(name.get_string())) return at_place(at + "/" + std::string(text_of(name)), "is required");
    }
  }
  const json::value* additional = schema.if_contains("additionalProperties");
  for (const auto& [key, inner] : object) {
    const std::string place = at + "/" + std::string(key);
    const json::value* known = properties != nullptr ? properties->get_object().if_contains(key) : nullptr;
    if (known != nullptr) {
      if (auto problem = check_at(known->get_object(), inner, place)) return problem;
    } else if (additional != nullptr && !additional->get_bool()) {
      return at_place(place, "is not an argument of this command");
    }
  }
  return std::nullopt;
}

std::optional<std::string> check_at(const json::object& schema, const json::value& value, const std::string& at) {
  const auto limit = [&schema](const char* name) -> std::optional<double> {
    const json::value* found = schema.if_contains(name);
    return found != nullptr ? number_of(*found) : std::nullopt;
  };
  if (const json::value* type = schema.if_contains("type"); type != nullptr && !is_type(value, text_of(*type))) {
    return at_place(at, "must be of type " + std::string(text_of(*type)));
  }
  if (const json::value* only = schema.if_contains("const"); only != nullptr && !(*only == value)) {
    return at_place(at, "must be the one value that is allowed");
  }
  if (const json::value* list = schema.if_contains("enum")) {
    const auto& allowed = list->get_array();
    if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
      return at_place(at, "is none of the values allowed");
    }
  }
  if (const auto number = number_of(value)) {
    if (const auto least = limit("minimum"); least && *number < *least)
      return at_place(at, "must be at least " + shown(*least));
    if (const auto most = limit("maximum"); most && *number > *most)
      return at_place(at, "must be at most " + shown(*most));
  }
  if (value.is_string()) {
    const double size = characters(text_of(value));
    if (const auto least = limit("minLength"); least && size < *least)
      return at_place(at, "is shorter than " + shown(*least));
    if (const auto most = limit("maxLength"); most && size > *most)
      return at_place(at, "is longer than " + shown(*most));
  }
  if (value.is_array()) {
    const auto& array = value.get_array();
    const auto size = static_cast<double>(array.size());
    if (const auto least = limit("minItems"); least && size < *least)
      return at_place(at, "has fewer than " + shown(*least) + " items");
    if (const auto most = limit("maxItems"); most && size > *most)
      return at_place(at, "has more than " + shown(*most) + " items");
    if (const json::value* items = schema.if_contains("items")) {
      for (std::size_t i = 0; i < array.size(); ++i) {
        if (auto problem = check_at(items->get_object(), array[i], at + "/" + std::to_string(i))) return problem;
      }
    }
  }
  if (value.is_object()) return check_object(schema, value.get_object(), at);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> check_schema(const json::value& schema) {
  return check_schema_at(schema, "", 0);
}

std::optional<std::string> check_value(const json::value& schema, const json::value& value) {
  if (auto problem = check_schema(schema)) return "the schema is not usable: " + *problem;
  return check_at(schema.get_object(), value, "");
}

std::optional<std::string> check_arguments(std::string_view schema_json, std::string_view arguments_json) {
  if (arguments_json.size() > kArgumentBytes) return "/: longer than 8 KiB";
  boost::system::error_code ec;
  const json::value arguments = json::parse(json::string_view(arguments_json.data(), arguments_json.size()), ec);
  if (ec || !arguments.is_object()) return "/: must be a JSON object";
  if (schema_json.empty()) {
    if (arguments.get_object().empty()) return std::nullopt;
    return at_place("/" + std::string(arguments.get_object().begin()->key()), "this command takes no arguments");
  }
  const json::value schema = json::parse(json::string_view(schema_json.data(), schema_json.size()), ec);
  if (ec) return "the schema is not usable: not JSON";
  return check_value(schema, arguments);
}

}  // namespace rules
