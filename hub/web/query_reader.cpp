#include "hub/web/query_reader.h"

#include <charconv>

#include "base/bytes.h"
#include "hub/web/json_text.h"
#include "hub/web/time_text.h"
#include "wire/frame_codec.h"

namespace hub::web {

const std::string* QueryReader::find(std::string_view name) {
  known_.emplace(name);
  const std::string* found = nullptr;
  for (const auto& [key, value] : target_.query) {
    if (key != name) continue;
    if (found != nullptr) refuse(name, std::string(name) + " is given twice");
    found = &value;
  }
  return found;
}

void QueryReader::refuse(std::string_view name, std::string detail) {
  if (!problem_) problem_ = Problem{errc::invalid_argument, std::move(detail), "/" + std::string(name)};
}

std::optional<std::string> QueryReader::optional_text(std::string_view name) {
  const std::string* value = find(name);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::vector<std::string> QueryReader::texts(std::string_view name) {
  known_.emplace(name);
  std::vector<std::string> values;
  for (const auto& [key, value] : target_.query) {
    if (key != name) continue;
    if (value.empty()) refuse(name, std::string(name) + " is empty");
    if (!wire::is_utf8(value)) refuse(name, std::string(name) + " is not UTF-8");
    values.push_back(value);
  }
  return values;
}

std::optional<bool> QueryReader::optional_flag(std::string_view name) {
  const std::string* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (*value != "true" && *value != "false") refuse(name, std::string(name) + " must be true or false");
  return *value == "true";
}

std::optional<double> QueryReader::optional_number(std::string_view name, double least, double most) {
  const std::string* value = find(name);
  if (value == nullptr) return std::nullopt;
  double number = 0;
  const char* end = value->data() + value->size();
  const auto [stop, ec] = std::from_chars(value->data(), end, number);
  if (ec == std::errc() && stop == end && number >= least && number <= most) return number;
  std::string limits = " must be a number from ";
  append_number(limits, least);
  limits += " to ";
  append_number(limits, most);
  refuse(name, std::string(name) + limits);
  return std::nullopt;
}

std::optional<std::int64_t> QueryReader::optional_integer(std::string_view name, std::int64_t least,
                                                          std::int64_t most) {
  const std::string* value = find(name);
  if (value == nullptr) return std::nullopt;
  std::int64_t number = 0;
  const char* end = value->data() + value->size();
  const auto [stop, ec] = std::from_chars(value->data(), end, number);
  if (ec != std::errc() || stop != end || number < least || number > most) {
    refuse(name,
           std::string(name) + " must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
  }
  return number;
}

std::optional<std::int64_t> QueryReader::optional_time(std::string_view name, std::int64_t now_us) {
  const std::string* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto time = parse_time(*value, now_us);
  if (!time) refuse(name, std::string(name) + " must be " + kTimeForms);
  return time;
}

std::int64_t QueryReader::time(std::string_view name, std::int64_t now_us) {
  const std::string* value = find(name);
  if (value == nullptr) {
    refuse(name, std::string(name) + " is missing: " + kTimeForms);
    return 0;
  }
  const auto time = parse_time(*value, now_us);
  if (!time) refuse(name, std::string(name) + " must be " + kTimeForms);
  return time.value_or(0);
}

std::optional<std::string> QueryReader::optional_bytes(std::string_view name) {
  const std::string* value = find(name);
  if (value == nullptr || value->empty()) return std::nullopt;
  auto bytes = base::from_base64url(*value);
  if (!bytes) refuse(name, std::string(name) + " is not one that this hub gave");
  return bytes;
}

std::optional<Problem> QueryReader::problem() const {
  if (problem_) return problem_;
  for (const auto& [key, value] : target_.query) {
    if (known_.contains(key)) continue;
    std::string allowed;
    for (const auto& known : known_) allowed += (allowed.empty() ? "" : ", ") + known;
    return Problem{errc::invalid_argument,
                   "unknown parameter " + key + "; allowed: " + (allowed.empty() ? "none" : allowed), "/" + key};
  }
  return std::nullopt;
}

}  // namespace hub::web
