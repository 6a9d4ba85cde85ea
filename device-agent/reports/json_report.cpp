// JSON: {"name": "tank", "value": 3.2, "unit": "m", "time": …}, or {"temp": 21.5, "door": {"open": true}}, or a list of
// such objects.
#include <boost/json/parse.hpp>
#include <cmath>

#include "device-agent/reports/line_parsers.h"
#include "device-agent/reports/report_value.h"

namespace agent {
namespace {

namespace json = boost::json;

std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}

/// Nothing: not a number, true, false or a text that can be stored.
std::optional<Value> scalar(const json::value& value) {
  if (value.is_bool()) return Value(value.get_bool());
  if (value.is_int64()) return Value(static_cast<double>(value.get_int64()));
  if (value.is_uint64()) return Value(static_cast<double>(value.get_uint64()));
  if (value.is_double() && std::isfinite(value.get_double())) return Value(value.get_double());
  if (value.is_string() && is_storable_text(view(value.get_string())))
    return Value(std::string(view(value.get_string())));
  return std::nullopt;
}

class Walk {
 public:
  Walk(std::vector<Report>& out, std::size_t most) : out_(out), first_(out.size()), most_(most) {}

  std::string top(const json::value& value) {
    if (const auto* list = value.if_array()) {
      for (const auto& item : *list) {
        if (!item.is_object()) return "a list must be of objects";
        if (auto problem = object(item.get_object()); !problem.empty()) return problem;
      }
      return {};
    }
    return value.is_object() ? object(value.get_object()) : "must be an object, or a list of them";
  }

 private:
  std::string object(const json::object& object) {
    std::optional<std::int64_t> time;
    if (const auto* said = object.if_contains("time")) {
      time = said->is_string()   ? time_of_text(view(said->get_string()))
             : said->is_number() ? time_of_seconds(said->to_number<double>())
                                 : std::nullopt;
      if (!time) return "time must be seconds since 1970 or a text such as \"2026-01-02T03:04:05Z\"";
    }
    const std::size_t begin = out_.size();
    const auto* name = object.if_contains("name");
    const auto* value = object.if_contains("value");
    std::string problem;
    if (value != nullptr && name != nullptr && name->is_string()) {
      problem = named(object, view(name->get_string()), *value);
    } else {
      for (const auto& [key, item] : object) {
        if (key == "time") continue;
        if (problem = walk(std::string(key), item); !problem.empty()) break;
      }
    }
    for (std::size_t i = begin; i < out_.size(); ++i) out_[i].wall_us = time;
    return problem;
  }

  std::string named(const json::object& object, std::string_view name, const json::value& value) {
    for (const auto& [key, item] : object) {
      if (key != "name" && key != "value" && key != "unit" && key != "time") {
        return shown(std::string(key)) + " stands beside name and value, where only unit and time may";
      }
    }
    const auto* unit = object.if_contains("unit");
    if (unit != nullptr && !unit->is_string()) return "unit must be a text";
    if (name.empty()) return "name is empty";
    if (value.is_null()) return {};  // nothing was measured
    auto taken = scalar(value);
    if (!taken) return "value must be a number, true, false or a text of at most 1 KiB";
    return add(
        {std::string(name), std::move(*taken), unit != nullptr ? std::string(view(unit->get_string())) : "", {}});
  }

  /// Members of members are named "a.b", those of a list "a.0".
  std::string walk(std::string name, const json::value& value) {
    if (value.is_null()) return {};
    if (const auto* inner = value.if_object()) {
      for (const auto& [key, item] : *inner) {
        if (auto problem = walk(name + "." + std::string(key), item); !problem.empty()) return problem;
      }
      return {};
    }
    if (const auto* list = value.if_array()) {
      std::size_t i = 0;
      for (const auto& item : *list) {
        if (auto problem = walk(name + "." + std::to_string(i++), item); !problem.empty()) return problem;
      }
      return {};
    }
    auto taken = scalar(value);
    if (!taken) return shown(name) + " is a text that is longer than 1 KiB or has control characters";
    if (name.empty()) return "a name is empty";
    return add({std::move(name), std::move(*taken), {}, {}});
  }

  std::string add(Report report) {
    if (out_.size() - first_ >= most_) return "more than " + std::to_string(most_) + " values";
    if (report.unit.size() > 32 || !is_storable_text(report.unit)) return "a unit is longer than 32 bytes";
    out_.push_back(std::move(report));
    return {};
  }

  std::vector<Report>& out_;
  const std::size_t first_, most_;
};

}  // namespace

std::string parse_json(std::string_view text, std::vector<Report>& out, std::size_t most) {
  text = trimmed(text);
  if (text.empty()) return {};
  json::error_code ec;
  const json::value value = json::parse({text.data(), text.size()}, ec);
  if (ec) return shown(text) + " is not JSON";
  return Walk(out, most).top(value);
}

}  // namespace agent
