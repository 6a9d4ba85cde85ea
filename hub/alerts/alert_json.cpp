// Alert rules and alerts as REST and events show them.
#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>

#include "hub/alerts/alert_service.h"
#include "hub/core/duration.h"

namespace hub {
namespace {

namespace json = boost::json;

Problem wrong(std::string field, std::string detail) {
  return {errc::invalid_argument, std::move(detail), std::move(field)};
}

std::optional<std::string> text_of(const json::value& v) {
  if (!v.is_string()) return std::nullopt;
  return std::string(v.get_string().data(), v.get_string().size());
}

std::optional<double> number_of(const json::value& v) {
  std::optional<double> out;
  if (v.is_double()) out = v.get_double();
  if (v.is_int64()) out = static_cast<double>(v.get_int64());
  if (v.is_uint64()) out = static_cast<double>(v.get_uint64());
  return out && std::isfinite(*out) ? out : std::nullopt;
}

/// The first key of `object` that is not among `known`.
template <std::size_t N>
std::optional<std::string> unknown_key(const json::object& object, const std::array<std::string_view, N>& known) {
  for (const auto& [key, value] : object) {
    const std::string_view name(key.data(), key.size());
    if (std::find(known.begin(), known.end(), name) == known.end()) return std::string(name);
  }
  return std::nullopt;
}

std::optional<Problem> read_condition(const json::value& value, AlertRuleRecord& rule) {
  if (!value.is_object()) return wrong("/condition", "condition must be an object {series, above or below}");
  const auto& condition = value.get_object();
  if (auto key = unknown_key(condition, std::array<std::string_view, 3>{"series", "above", "below"})) {
    return wrong("/condition/" + *key, "unknown key; a condition has series and above or below");
  }
  const json::value* series = condition.if_contains("series");
  const auto pattern = series != nullptr ? text_of(*series) : std::nullopt;
  if (!pattern || pattern->empty() || pattern->size() > 128) {
    return wrong("/condition/series", "series must be a name or pattern of 1 to 128 characters");
  }
  rule.series_pattern = *pattern;
  const json::value* above = condition.if_contains("above");
  const json::value* below = condition.if_contains("below");
  if ((above != nullptr) == (below != nullptr)) return wrong("/condition", "condition needs either above or below");
  const auto threshold = number_of(above != nullptr ? *above : *below);
  if (!threshold) return wrong(above != nullptr ? "/condition/above" : "/condition/below", "must be a finite number");
  rule.condition.comparison = above != nullptr ? rules::Comparison::above : rules::Comparison::below;
  rule.condition.threshold = *threshold;
  return std::nullopt;
}

std::optional<Problem> read_scope(const json::value& value, AlertRuleRecord& rule) {
  if (!value.is_object()) return wrong("/scope", "scope must be an object {devices: [id, …]}");
  if (auto key = unknown_key(value.get_object(), std::array<std::string_view, 1>{"devices"})) {
    return wrong("/scope/" + *key, "unknown key; a scope has devices");
  }
  const json::value* devices = value.get_object().if_contains("devices");
  if (devices == nullptr || devices->is_null()) return std::nullopt;
  if (!devices->is_array() || devices->get_array().size() > 1'000) {
    return wrong("/scope/devices", "devices must be a list of at most 1000 ids or names");
  }
  for (const auto& device : devices->get_array()) {
    auto id = text_of(device);
    if (!id || id->empty()) return wrong("/scope/devices", "devices must be ids or names");
    rule.devices.push_back(*id);
  }
  return std::nullopt;
}

json::value time_or_null(std::int64_t us) {
  return us == 0 ? json::value(nullptr) : json::value(us);
}

}  // namespace

Outcome<AlertRuleRecord> alert_rule_from_json(const json::value& value) {
  if (!value.is_object()) return wrong("", "a rule is an object {name, condition, for, clear, severity, scope}");
  const auto& object = value.get_object();
  // What REST returns may be sent back as it is.
  constexpr std::array<std::string_view, 10> kKnown{"id",    "name",  "severity", "condition",  "for",
                                                    "clear", "scope", "version",  "created_at", "updated_at"};
  if (auto key = unknown_key(object, kKnown)) {
    return wrong("/" + *key, "unknown key; a rule has name, condition, for, clear, severity, scope");
  }
  AlertRuleRecord rule;
  const json::value* name = object.if_contains("name");
  const auto name_text = name != nullptr ? text_of(*name) : std::nullopt;
  if (!name_text || name_text->empty() || name_text->size() > 128) {
    return wrong("/name", "name must be 1 to 128 characters");
  }
  rule.name = *name_text;
  if (const json::value* severity = object.if_contains("severity")) {
    const auto text = text_of(*severity);
    if (!text || (*text != "info" && *text != "warning" && *text != "critical")) {
      return wrong("/severity", "severity must be info, warning or critical");
    }
    rule.severity = *text;
  }
  const json::value* condition = object.if_contains("condition");
  if (condition == nullptr) return wrong("/condition", "condition is missing");
  if (auto problem = read_condition(*condition, rule)) return *problem;
  if (const json::value* duration = object.if_contains("for")) {
    const auto text = text_of(*duration);
    const auto us = text ? duration_from_text(*text) : std::nullopt;
    if (!us) return wrong("/for", "for must be a duration such as \"30s\", \"5m\", \"1h\"");
    rule.condition.for_us = *us;
  }
  rule.condition.clear = rule.condition.threshold;
  if (const json::value* clear = object.if_contains("clear"); clear != nullptr && !clear->is_null()) {
    const auto number = number_of(*clear);
    if (!number) return wrong("/clear", "clear must be a finite number");
    rule.condition.clear = *number;
  }
  if (auto why = rules::validate(rule.condition)) {
    return wrong(why->rfind("for", 0) == 0 ? "/for" : "/clear", *why);
  }
  if (const json::value* scope = object.if_contains("scope"); scope != nullptr && !scope->is_null()) {
    if (auto problem = read_scope(*scope, rule)) return *problem;
  }
  return rule;
}

json::value to_json(const AlertRuleRecord& rule) {
  json::object condition, scope, out;
  condition["series"] = rule.series_pattern;
  condition[rule.condition.comparison == rules::Comparison::above ? "above" : "below"] = rule.condition.threshold;
  json::array devices;
  for (const auto& device : rule.devices) devices.emplace_back(device);
  scope["devices"] = std::move(devices);
  out["id"] = rule.id.str();
  out["name"] = rule.name;
  out["severity"] = rule.severity;
  out["condition"] = std::move(condition);
  out["for"] = duration_to_text(rule.condition.for_us);
  out["clear"] = rule.condition.clear;
  out["scope"] = std::move(scope);
  out["version"] = rule.version;
  out["created_at"] = rule.created_us;
  out["updated_at"] = rule.updated_us;
  return out;
}

json::value to_json(const AlertRecord& alert) {
  json::object out;
  out["id"] = alert.id.str();
  out["rule"] = alert.rule.str();
  out["rule_name"] = alert.rule_name;
  out["severity"] = alert.severity;
  out["device"] = alert.device.str();
  out["series"] = alert.series_name;
  out["state"] = alert.state == AlertState::firing ? "firing" : "resolved";
  out["started_at"] = alert.started_us;
  out["fired_at"] = alert.fired_us;
  out["resolved_at"] = time_or_null(alert.resolved_us);
  out["value"] = alert.value;
  if (alert.acknowledged_us != 0) {
    json::object acknowledged;
    acknowledged["by"] = alert.acknowledged_by;
    acknowledged["at"] = alert.acknowledged_us;
    acknowledged["note"] = alert.note;
    out["acknowledged"] = std::move(acknowledged);
  } else {
    out["acknowledged"] = nullptr;
  }
  out["device_action"] = alert.device_action.empty() ? json::value(nullptr) : json::value(alert.device_action);
  if (!alert.device_error.empty()) out["device_error"] = alert.device_error;
  return out;
}

}  // namespace hub
