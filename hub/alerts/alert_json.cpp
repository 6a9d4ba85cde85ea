// Rules and alerts as REST and events show them; rules as REST takes them.
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <span>

#include "hub/alerts/alert_service.h"
#include "hub/core/duration.h"

namespace hub {
namespace {

namespace json = boost::json;

Problem invalid(std::string detail, std::string field) {
  return {errc::invalid_argument, std::move(detail), std::move(field)};
}

/// The first member that is not in `known`.
std::optional<Problem> unknown_member(const json::object& object, const std::string& where,
                                      std::span<const std::string_view> known) {
  for (const auto& member : object) {
    bool is_known = false;
    std::string names;
    for (const auto name : known) {
      is_known = is_known || member.key() == name;
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
    if (is_known) continue;
    const std::string key(member.key());
    return invalid("unknown field " + key + "; allowed: " + names, where + "/" + key);
  }
  return std::nullopt;
}

std::optional<double> number(const json::value& value) {
  boost::system::error_code ec;
  const auto read = value.is_number() ? value.to_number<double>(ec) : 0.0;
  if (!value.is_number() || ec) return std::nullopt;
  return read;
}

std::optional<Problem> read_condition(const json::value* json, AlertRuleRecord& rule) {
  static constexpr std::array<std::string_view, 3> kKnown{"series", "above", "below"};
  if (json == nullptr) return invalid("condition is missing: {series, above} or {series, below}", "/condition");
  const auto* object = json->if_object();
  if (object == nullptr)
    return invalid("condition must be an object: {series, above} or {series, below}", "/condition");
  if (auto problem = unknown_member(*object, "/condition", kKnown)) return problem;
  const auto* series = object->if_contains("series");
  if (series == nullptr) return invalid("condition.series is missing", "/condition/series");
  if (!series->is_string()) return invalid("condition.series must be a string", "/condition/series");
  rule.series_pattern = std::string(series->get_string());
  const auto* above = object->if_contains("above");
  const auto* below = object->if_contains("below");
  if ((above == nullptr) == (below == nullptr)) {
    return invalid("condition must have one of above and below", above == nullptr ? "/condition/above" : "/condition");
  }
  const auto threshold = number(above != nullptr ? *above : *below);
  if (!threshold) {
    const std::string name = above != nullptr ? "above" : "below";
    return invalid("condition." + name + " must be a number", "/condition/" + name);
  }
  rule.condition.comparison = above != nullptr ? rules::Comparison::above : rules::Comparison::below;
  rule.condition.threshold = rule.condition.clear = *threshold;
  return std::nullopt;
}

std::optional<Problem> read_scope(const json::value& json, AlertRuleRecord& rule) {
  static constexpr std::array<std::string_view, 1> kKnown{"devices"};
  const auto* object = json.if_object();
  if (object == nullptr) return invalid("scope must be an object: {devices: [id, …]}", "/scope");
  if (auto problem = unknown_member(*object, "/scope", kKnown)) return problem;
  const auto* devices = object->if_contains("devices");
  if (devices == nullptr) return std::nullopt;
  if (!devices->is_array()) return invalid("scope.devices must be a list of device ids", "/scope/devices");
  for (const auto& device : devices->get_array()) {
    if (!device.is_string()) return invalid("scope.devices must be a list of device ids", "/scope/devices");
    rule.devices.emplace_back(device.get_string());
  }
  return std::nullopt;
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

}  // namespace

json::value to_json(const AlertRuleRecord& rule) {
  json::object condition;
  condition["series"] = rule.series_pattern;
  condition[rule.condition.comparison == rules::Comparison::above ? "above" : "below"] = rule.condition.threshold;
  json::array devices;
  for (const auto& device : rule.devices) devices.emplace_back(device);
  json::object scope;
  scope["devices"] = std::move(devices);
  json::object out;
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

Outcome<AlertRuleRecord> alert_rule_from_json(const json::value& json) {
  // The last four are what the hub says of a rule: taken, so that what was read can be written back, and ignored.
  static constexpr std::array<std::string_view, 10> kKnown{
      "name", "severity", "condition", "for", "clear", "scope", "id", "version", "created_at", "updated_at"};
  const auto* object = json.if_object();
  if (object == nullptr) return invalid("a rule must be a JSON object", "");
  if (auto problem = unknown_member(*object, "", kKnown)) return *std::move(problem);
  AlertRuleRecord rule;
  const auto* name = object->if_contains("name");
  if (name == nullptr) return invalid("name is missing", "/name");
  if (!name->is_string()) return invalid("name must be a string", "/name");
  rule.name = std::string(name->get_string());
  if (const auto* severity = object->if_contains("severity")) {
    if (!severity->is_string()) return invalid("severity must be info, warning or critical", "/severity");
    rule.severity = std::string(severity->get_string());
  }
  if (auto problem = read_condition(object->if_contains("condition"), rule)) return *std::move(problem);
  if (const auto* hold = object->if_contains("for")) {
    const auto duration = hold->is_string() ? duration_from_text(hold->get_string()) : std::nullopt;
    if (!duration) return invalid("for must be a duration such as 30s, 5m, 1h, 7d or 0s", "/for");
    rule.condition.for_us = *duration;
  }
  if (const auto* clear = object->if_contains("clear")) {
    const auto level = number(*clear);
    if (!level) return invalid("clear must be a number", "/clear");
    rule.condition.clear = *level;
  }
  if (const auto* scope = object->if_contains("scope")) {
    if (auto problem = read_scope(*scope, rule)) return *std::move(problem);
  }
  return rule;
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
  out["resolved_at"] = alert.state == AlertState::resolved ? json::value(alert.resolved_us) : json::value(nullptr);
  out["value"] = alert.value;
  if (alert.acknowledged_us == 0) {
    out["acknowledged"] = nullptr;
  } else {
    json::object acknowledged;
    acknowledged["by"] = alert.acknowledged_by;
    acknowledged["at"] = alert.acknowledged_us;
    acknowledged["note"] = alert.note;
    out["acknowledged"] = std::move(acknowledged);
  }
  out["device_action"] = text_or_null(alert.device_action);
  out["device_error"] = text_or_null(alert.device_error);
  return out;
}

json::value to_json(const AlertRecord& alert, const DeviceRegistry& devices) {
  json::value out = to_json(alert);
  const auto device = devices.find(alert.device.str());
  out.as_object()["device_name"] = device ? json::value(device->name) : json::value(nullptr);
  return out;
}

}  // namespace hub
