// Whether a command's arguments fit the JSON Schema that the device declared: the same answer on hub and device.
//
// The subset: type (a name or a list of names; an integer is any number without a fraction), properties, required,
// enum, minimum, maximum, minLength, maxLength (in code points), additionalProperties (true or false), items (one
// schema), and the schemas true and false. Keywords that only describe (title, description, default, format, unknown
// ones …) are skipped, as JSON Schema says. A keyword of JSON Schema that would refuse something and is not in this
// list (pattern, oneOf, $ref, multipleOf …) makes the schema unusable, so that nothing runs unchecked.
#pragma once

#include <boost/json/value.hpp>
#include <boost/system/result.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace rules {

struct SchemaProblem {
  std::string where;  // JSON pointer into the schema (parse) or the value (check); empty: the whole
  std::string what;   // a sentence's end: "must be at least 100"
  std::string text() const { return where.empty() ? what : where + " " + what; }
};
[[noreturn]] void throw_exception_from_error(const SchemaProblem& problem, const boost::source_location& where);

/// A schema of the subset, immutable. Depth is bounded by the JSON parser (32), size by max_bytes.
class JsonSchema {
 public:
  static constexpr std::size_t max_bytes = 16 * 1024;
  /// Empty text: a command without arguments, {"type": "object", "additionalProperties": false}.
  static boost::system::result<JsonSchema, SchemaProblem> parse(std::string_view text);
  /// The first thing that does not fit, or nothing.
  std::optional<SchemaProblem> check(const boost::json::value& value) const;

 private:
  explicit JsonSchema(boost::json::value schema) : schema_(std::move(schema)) {}
  boost::json::value schema_;  // every keyword of the subset has its right shape
};

}  // namespace rules
