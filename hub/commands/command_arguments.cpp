#include "hub/commands/command_arguments.h"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <set>
#include <string_view>

#include "rules/json_schema.h"

namespace hub {
namespace {

constexpr std::array<std::string_view, 2> kAlwaysThere{"ping", "sample-now"};

Problem bad_arguments(std::string detail, std::string where = "") {
  return {errc::invalid_argument, std::move(detail), "/arguments" + std::move(where)};
}

}  // namespace

Outcome<CommandDescription> find_command(const DeviceRecord& device, const std::string& name) {
  for (const auto& declared : device.commands) {
    if (declared.name == name) return declared;
  }
  std::set<std::string, std::less<>> known(kAlwaysThere.begin(), kAlwaysThere.end());
  if (known.contains(name)) {
    CommandDescription always;
    always.name = name;
    return always;
  }
  for (const auto& declared : device.commands) known.insert(declared.name);
  std::string list;
  for (const auto& one : known) list += (list.empty() ? "" : ", ") + one;
  return Problem{errc::invalid_argument,
                 "the device " + device.name + " has no command \"" + name + "\"; it has: " + list, "/command"};
}

Outcome<void> check_arguments(const CommandDescription& command, const std::string& arguments_json) {
  if (arguments_json.size() > kArgumentsBytes) {
    return Problem{errc::too_large,
                   "the arguments are " + std::to_string(arguments_json.size()) + " bytes of JSON; at most " +
                       std::to_string(kArgumentsBytes) + " are allowed",
                   "/arguments"};
  }
  boost::system::error_code ec;
  const boost::json::value arguments = boost::json::parse(arguments_json, ec);
  if (ec) return bad_arguments("the arguments are not JSON: " + ec.message());
  if (!arguments.is_object()) return bad_arguments("the arguments must be a JSON object");
  const auto schema = rules::JsonSchema::parse(command.arguments_schema_json);
  if (!schema) {
    return Problem{errc::conflict,
                   "the schema that the device declares for the arguments of " + command.name +
                       " cannot be used: " + schema.error().text(),
                   "/command"};
  }
  if (const auto problem = schema->check(arguments)) {
    return bad_arguments("arguments" + problem->where + " " + problem->what, problem->where);
  }
  return {};
}

bool are_same_arguments(const std::string& a, const std::string& b) {
  boost::system::error_code ec_a, ec_b;
  const boost::json::value value_a = boost::json::parse(a, ec_a);
  const boost::json::value value_b = boost::json::parse(b, ec_b);
  return !ec_a && !ec_b && value_a == value_b;
}

}  // namespace hub
