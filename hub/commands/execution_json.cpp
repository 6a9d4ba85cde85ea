// Executions as REST and events show them.
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "hub/commands/command_service.h"

namespace hub {
namespace {

boost::json::value parsed_or_null(const std::string& text) {
  boost::system::error_code ec;
  auto value = boost::json::parse(text, ec);
  return ec ? boost::json::value(nullptr) : value;
}

}  // namespace

boost::json::value to_json(const ExecutionRecord& e) {
  boost::json::object out;
  out["id"] = e.id.str();
  out["device"] = e.device.str();
  out["command"] = e.command;
  out["arguments"] = parsed_or_null(e.arguments_json);
  out["state"] = to_string(e.state);
  out["progress"] = e.progress_percent;
  out["output"] = e.output;
  out["exit_code"] = e.exit_code ? boost::json::value(*e.exit_code) : boost::json::value(nullptr);
  out["error"] = e.error.empty() ? boost::json::value(nullptr) : boost::json::value(e.error);
  out["result"] = parsed_or_null(e.result_json);
  out["created_at"] = e.created_us;
  out["updated_at"] = e.updated_us;
  out["not_after"] = e.not_after_us;
  out["requested_by"] = e.requested_by;
  return out;
}

}  // namespace hub
