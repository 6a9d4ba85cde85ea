#include "hub/alerts/rule_check.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace hub {
namespace {

constexpr std::size_t kNameCharacters = 128;
constexpr std::size_t kPatternBytes = 256;
constexpr std::size_t kScopeDevices = 1'000;

Problem invalid(std::string detail, std::string field) {
  return {errc::invalid_argument, std::move(detail), std::move(field)};
}

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_pattern_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_.:-*").find(c) != std::string_view::npos;
}

std::optional<Problem> check_condition(const rules::ThresholdRule& condition) {
  const auto why = rules::validate(condition);
  if (!why) return std::nullopt;
  const bool is_above = condition.comparison == rules::Comparison::above;
  std::string field = "/condition";
  if (!std::isfinite(condition.threshold)) {
    field = is_above ? "/condition/above" : "/condition/below";
  } else if (why->starts_with("for")) {
    field = "/for";
  } else if (why->starts_with("clear")) {
    field = "/clear";
  }
  return invalid(*why, field);
}

}  // namespace

std::optional<Problem> check_rule(const DeviceRegistry& devices, AlertRuleRecord& rule) {
  const std::size_t length = characters(rule.name);
  if (length == 0 || length > kNameCharacters || has_control_characters(rule.name)) {
    return invalid("name must be 1 to 128 characters, without control characters", "/name");
  }
  if (rule.severity != "info" && rule.severity != "warning" && rule.severity != "critical") {
    return invalid("severity must be info, warning or critical", "/severity");
  }
  const auto& pattern = rule.series_pattern;
  if (pattern.empty() || pattern.size() > kPatternBytes ||
      !std::all_of(pattern.begin(), pattern.end(), is_pattern_character)) {
    return invalid(
        "condition.series must be a series name or pattern: 1 to 256 of A-Z, a-z, 0-9, _ . : - and *, which stands for "
        "any run of characters",
        "/condition/series");
  }
  if (auto problem = check_condition(rule.condition)) return problem;
  if (rule.devices.size() > kScopeDevices) {
    return invalid("scope.devices lists more than 1,000 devices", "/scope/devices");
  }
  for (std::size_t i = 0; i < rule.devices.size(); ++i) {
    const auto device = devices.find(rule.devices[i]);
    const std::string field = "/scope/devices/" + std::to_string(i);
    if (!device) return invalid("there is no device \"" + rule.devices[i] + "\"", field);
    rule.devices[i] = device->id.str();
  }
  std::sort(rule.devices.begin(), rule.devices.end());
  rule.devices.erase(std::unique(rule.devices.begin(), rule.devices.end()), rule.devices.end());
  return std::nullopt;
}

}  // namespace hub
