#include "rules/json_schema.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <cmath>
#include <stdexcept>

namespace rules {
namespace {

namespace json = boost::json;
using MaybeProblem = std::optional<SchemaProblem>;

constexpr std::array<std::string_view, 7> kTypes{"null", "boolean", "object", "array", "number", "integer", "string"};

// They refuse values, and this subset cannot: better no command than an unchecked one.
constexpr std::array<std::string_view, 28> kUnsupported{"$ref",
                                                        "$dynamicRef",
                                                        "allOf",
                                                        "anyOf",
                                                        "oneOf",
                                                        "not",
                                                        "if",
                                                        "then",
                                                        "else",
                                                        "const",
                                                        "pattern",
                                                        "patternProperties",
                                                        "propertyNames",
                                                        "minProperties",
                                                        "maxProperties",
                                                        "dependentRequired",
                                                        "dependentSchemas",
                                                        "dependencies",
                                                        "unevaluatedProperties",
                                                        "unevaluatedItems",
                                                        "prefixItems",
                                                        "contains",
                                                        "uniqueItems",
                                                        "minItems",
                                                        "maxItems",
                                                        "multipleOf",
                                                        "exclusiveMinimum",
                                                        "exclusiveMaximum"};

template <class List>
bool contains(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string pointer(const std::string& where, std::string_view key) {
  std::string out = where + "/";
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

double to_double(const json::value& number) {
  if (const auto* i = number.if_int64()) return static_cast<double>(*i);
  if (const auto* u = number.if_uint64()) return static_cast<double>(*u);
  return number.get_double();
}

std::string text_of(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

bool is_integer(const json::value& value) {
  return value.is_int64() || value.is_uint64() ||
         (value.is_double() && std::isfinite(value.get_double()) &&
          std::trunc(value.get_double()) == value.get_double());
}

bool is_of_type(const json::value& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_bool();
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  return type == "number" ? value.is_number() : is_integer(value);
}

// Equal as JSON Schema means it: 1 and 1.0 are one number.
bool are_equal(const json::value& a, const json::value& b) {
  if (a.is_number() && b.is_number()) return a == b || to_double(a) == to_double(b);
  if (a.is_array() && b.is_array()) {
    return std::equal(a.get_array().begin(), a.get_array().end(), b.get_array().begin(), b.get_array().end(),
                      are_equal);
  }
  if (a.is_object() && b.is_object()) {
    if (a.get_object().size() != b.get_object().size()) return false;
    for (const auto& member : a.get_object()) {
      const auto* other = b.get_object().if_contains(member.key());
      if (other == nullptr || !are_equal(member.value(), *other)) return false;
    }
    return true;
  }
  return a == b;
}

std::size_t code_points(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// --- the schema's own shape ---

MaybeProblem verify(const json::value& schema, const std::string& where);

MaybeProblem verify_type(const json::value& type, const std::string& where) {
  const auto is_name = [](const json::value& v) { return v.is_string() && contains(kTypes, v.get_string()); };
  if (is_name(type)) return std::nullopt;
  if (const auto* list = type.if_array(); list != nullptr && !list->empty()) {
    if (std::all_of(list->begin(), list->end(), is_name)) return std::nullopt;
  }
  return SchemaProblem{where, "must be null, boolean, object, array, number, integer or string, or a list of them"};
}

MaybeProblem verify_keyword(std::string_view key, const json::value& value, const std::string& where) {
  if (key == "type") return verify_type(value, where);
  if (key == "properties") {
    if (!value.is_object()) return SchemaProblem{where, "must be an object of schemas"};
    for (const auto& property : value.get_object()) {
      if (auto problem = verify(property.value(), pointer(where, property.key()))) return problem;
    }
  } else if (key == "required") {
    const auto* list = value.if_array();
    const auto is_text = [](const json::value& v) { return v.is_string(); };
    if (list == nullptr || !std::all_of(list->begin(), list->end(), is_text)) {
      return SchemaProblem{where, "must be a list of property names"};
    }
  } else if (key == "enum") {
    if (!value.is_array() || value.get_array().empty()) return SchemaProblem{where, "must be a list of values"};
  } else if (key == "minimum" || key == "maximum") {
    if (!value.is_number()) return SchemaProblem{where, "must be a number"};
  } else if (key == "minLength" || key == "maxLength") {
    if (!is_integer(value) || to_double(value) < 0) return SchemaProblem{where, "must be a whole number, 0 or more"};
  } else if (key == "additionalProperties") {
    if (!value.is_bool()) return SchemaProblem{where, "must be true or false (a schema here is not supported)"};
  } else if (key == "items") {
    return verify(value, where);
  } else if (contains(kUnsupported, key)) {
    return SchemaProblem{where, "is a keyword that is not supported"};
  }
  return std::nullopt;
}

MaybeProblem verify(const json::value& schema, const std::string& where) {
  if (schema.is_bool()) return std::nullopt;
  if (!schema.is_object()) return SchemaProblem{where, "must be a schema: an object, true or false"};
  for (const auto& keyword : schema.get_object()) {
    if (auto problem = verify_keyword(keyword.key(), keyword.value(), pointer(where, keyword.key()))) return problem;
  }
  return std::nullopt;
}

// --- a value against a verified schema ---

MaybeProblem check_value(const json::value& schema, const json::value& value, const std::string& where);

MaybeProblem check_type(const json::value& type, const json::value& value, const std::string& where) {
  std::string allowed;
  const auto fits = [&](const json::value& name) {
    allowed += (allowed.empty() ? "" : " or ") + std::string(name.get_string());
    return is_of_type(value, name.get_string());
  };
  if (type.is_string() ? fits(type) : std::any_of(type.get_array().begin(), type.get_array().end(), fits)) {
    return std::nullopt;
  }
  return SchemaProblem{where, "must be of type " + allowed};
}

MaybeProblem check_object(const json::object& schema, const json::object& object, const std::string& where) {
  if (const auto* required = schema.if_contains("required")) {
    for (const auto& name : required->get_array()) {
      if (!object.contains(name.get_string())) return SchemaProblem{pointer(where, name.get_string()), "is missing"};
    }
  }
  const auto* properties = schema.if_contains("properties");
  const auto* additional = schema.if_contains("additionalProperties");
  for (const auto& member : object) {
    const auto* known = properties != nullptr ? properties->get_object().if_contains(member.key()) : nullptr;
    const std::string at = pointer(where, member.key());
    if (known != nullptr) {
      if (auto problem = check_value(*known, member.value(), at)) return problem;
    } else if (additional != nullptr && !additional->get_bool()) {
      std::string names;
      if (properties != nullptr) {
        for (const auto& property : properties->get_object()) {
          names += (names.empty() ? "" : ", ") + std::string(property.key());
        }
      }
      return SchemaProblem{at, "is not known; allowed: " + (names.empty() ? "none" : names)};
    }
  }
  return std::nullopt;
}

MaybeProblem check_number(const json::object& schema, double number, const std::string& where) {
  const auto* least = schema.if_contains("minimum");
  if (least != nullptr && number < to_double(*least)) {
    return SchemaProblem{where, "must be at least " + text_of(to_double(*least))};
  }
  const auto* most = schema.if_contains("maximum");
  if (most != nullptr && number > to_double(*most)) {
    return SchemaProblem{where, "must be at most " + text_of(to_double(*most))};
  }
  return std::nullopt;
}

MaybeProblem check_text(const json::object& schema, std::string_view text, const std::string& where) {
  const auto length = static_cast<double>(code_points(text));
  const auto* least = schema.if_contains("minLength");
  if (least != nullptr && length < to_double(*least)) {
    return SchemaProblem{where, "must be at least " + text_of(to_double(*least)) + " characters long"};
  }
  const auto* most = schema.if_contains("maxLength");
  if (most != nullptr && length > to_double(*most)) {
    return SchemaProblem{where, "must be at most " + text_of(to_double(*most)) + " characters long"};
  }
  return std::nullopt;
}

MaybeProblem check_value(const json::value& schema, const json::value& value, const std::string& where) {
  if (const auto* all = schema.if_bool()) {
    return *all ? std::nullopt : MaybeProblem(SchemaProblem{where, "is not allowed"});
  }
  const json::object& rules = schema.get_object();
  if (const auto* type = rules.if_contains("type")) {
    if (auto problem = check_type(*type, value, where)) return problem;
  }
  if (const auto* allowed = rules.if_contains("enum")) {
    const auto is_same = [&](const json::value& one) { return are_equal(one, value); };
    if (std::none_of(allowed->get_array().begin(), allowed->get_array().end(), is_same)) {
      return SchemaProblem{where, "must be one of " + json::serialize(*allowed)};
    }
  }
  if (const auto* object = value.if_object()) return check_object(rules, *object, where);
  if (const auto* text = value.if_string()) return check_text(rules, *text, where);
  if (value.is_number()) return check_number(rules, to_double(value), where);
  if (const auto* list = value.if_array()) {
    const auto* items = rules.if_contains("items");
    for (std::size_t i = 0; items != nullptr && i < list->size(); ++i) {
      if (auto problem = check_value(*items, (*list)[i], where + "/" + std::to_string(i))) return problem;
    }
  }
  return std::nullopt;
}

}  // namespace

void throw_exception_from_error(const SchemaProblem& problem, const boost::source_location&) {
  throw std::logic_error("no schema: " + problem.text());
}

boost::system::result<JsonSchema, SchemaProblem> JsonSchema::parse(std::string_view text) {
  if (text.empty()) text = R"({"type":"object","additionalProperties":false})";
  if (text.size() > max_bytes) return SchemaProblem{"", "is longer than 16 KiB"};
  boost::system::error_code ec;
  json::value schema = json::parse(text, ec);
  if (ec) return SchemaProblem{"", "is not JSON: " + ec.message()};
  if (auto problem = verify(schema, "")) return *std::move(problem);
  return JsonSchema(std::move(schema));
}

std::optional<SchemaProblem> JsonSchema::check(const boost::json::value& value) const {
  return check_value(schema_, value, "");
}

}  // namespace rules
