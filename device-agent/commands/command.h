// What a command is: one of the config, or one that is built in.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace agent {

/// A command of the config: argv template (see command_arguments.h), no shell.
struct CommandConfig {
  std::string name, title, role = "operator";
  std::vector<std::string> run;
  std::string arguments_schema_json;
  std::uint32_t timeout_ms = 60'000;
  bool confirm = false;
  bool allow_dash = false;   // values may begin with '-' and so become options
  std::string user = {};     // whom it runs as; empty: as the agent
  std::string folder = "/";  // it begins in
};

/// What a built-in command answers. `error`: it failed. `pending`: it goes on, and is settled by
/// CommandRunner::settle(), or by the next process (settle_interrupted()), which gets this text.
struct BuiltInAnswer {
  std::string result_json, error, pending;
};

struct BuiltIn {
  std::string name, title, role = "operator";
  std::string arguments_schema_json;  // empty: none
  bool confirm = false;
  std::uint32_t timeout_ms = 10'000;
  std::function<BuiltInAnswer(const std::string& id, const boost::json::object& arguments)> run;
};

}  // namespace agent
