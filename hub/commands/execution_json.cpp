// An execution as REST and events show it.
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "hub/commands/command_service.h"

namespace hub {
namespace {

namespace json = boost::json;

// null where `text` is empty; what was stored is JSON, since it was checked then.
json::value parsed(const std::string& text) {
  if (text.empty()) return nullptr;
  boost::system::error_code ec;
  json::value value = json::parse(text, ec);
  return ec ? json::value(nullptr) : value;
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

}  // namespace

json::value to_json(const ExecutionRecord& execution) {
  json::object out;
  out["id"] = execution.id.str();
  out["device"] = execution.device.str();
  out["command"] = execution.command;
  out["arguments"] = parsed(execution.arguments_json);
  out["state"] = to_string(execution.state);
  out["progress"] = execution.progress_percent;
  out["output"] = execution.output;
  out["exit_code"] = execution.exit_code ? json::value(*execution.exit_code) : json::value(nullptr);
  out["error"] = text_or_null(execution.error);
  out["result"] = parsed(execution.result_json);
  out["created_at"] = execution.created_us;
  out["updated_at"] = execution.updated_us;
  out["not_after"] = execution.not_after_us;
  out["requested_by"] = execution.requested_by;
  return out;
}

}  // namespace hub
