// A documented subset of JSON Schema for command arguments: the hub checks before sending, the agent again before
// running.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace rules {

/// Keywords: type (object, array, string, number, integer, boolean, null), properties, required, additionalProperties
/// (boolean), items, enum, const, minimum, maximum, minLength, maxLength, minItems, maxItems; title, description,
/// default, format and $schema are allowed and not checked. Anything else makes a schema unusable, so that nobody
/// trusts a check that is not made. Depth at most 16.
std::optional<std::string> check_schema(const boost::json::value& schema);

/// What is wrong, with its place ("/seconds: must be at most 60"), or nothing.
std::optional<std::string> check_value(const boost::json::value& schema, const boost::json::value& value);

/// Parses and checks; arguments must be an object of at most 8 KiB. An empty schema takes no arguments.
std::optional<std::string> check_arguments(std::string_view schema_json, std::string_view arguments_json);

}  // namespace rules
