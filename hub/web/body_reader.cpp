#include "hub/web/body_reader.h"

#include <boost/json/stream_parser.hpp>

#include "hub/core/duration.h"
#include "hub/web/time_text.h"

namespace hub::web {

Outcome<boost::json::value> parse_json(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return boost::json::value(boost::json::object());
  boost::json::stream_parser parser;
  boost::system::error_code ec;
  const std::size_t read = parser.write_some(text.data(), text.size(), ec);
  if (!ec && read < text.size()) ec = boost::json::error::extra_data;
  if (!ec) parser.finish(ec);
  if (!ec) return parser.release();
  return Problem{errc::invalid_argument,
                 "the body is not JSON: " + ec.message() + " at byte " + std::to_string(read) + " of " +
                     std::to_string(text.size()),
                 ""};
}

BodyReader::BodyReader(const boost::json::value& body) : object_(body.if_object()) {
  if (object_ == nullptr) problem_ = Problem{errc::invalid_argument, "the body must be a JSON object", ""};
}

const boost::json::value* BodyReader::find(std::string_view name) {
  known_.emplace(name);
  if (object_ == nullptr) return nullptr;
  const boost::json::value* value = object_->if_contains(name);
  return value != nullptr && !value->is_null() ? value : nullptr;
}

void BodyReader::refuse(std::string_view name, std::string detail) {
  if (!problem_) problem_ = Problem{errc::invalid_argument, std::move(detail), "/" + std::string(name)};
}

std::optional<std::string> BodyReader::optional_text(std::string_view name, Length length) {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  const std::string what(name);
  if (!value->is_string()) {
    refuse(name, what + " must be a string");
    return std::nullopt;
  }
  const auto& text = value->get_string();
  if (text.size() < length.least || text.size() > length.most) {
    refuse(name,
           what + " must be " + std::to_string(length.least) + " to " + std::to_string(length.most) + " bytes long");
    return std::nullopt;
  }
  return std::string(text);
}

std::string BodyReader::text(std::string_view name, Length length) {
  auto value = optional_text(name, length);
  if (!value && !problem_) refuse(name, std::string(name) + " is missing");
  return value.value_or("");
}

std::optional<std::int64_t> BodyReader::optional_integer(std::string_view name, std::int64_t least, std::int64_t most) {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  boost::system::error_code ec;
  const auto number = value->to_number<std::int64_t>(ec);
  if (ec || number < least || number > most) {
    refuse(name,
           std::string(name) + " must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
  }
  return number;
}

std::optional<bool> BodyReader::optional_boolean(std::string_view name) {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) {
    refuse(name, std::string(name) + " must be true or false");
    return std::nullopt;
  }
  return value->get_bool();
}

std::optional<std::int64_t> BodyReader::optional_duration_us(std::string_view name, std::int64_t least_us,
                                                             std::int64_t most_us, std::string_view allowed) {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto duration = value->is_string() ? duration_from_text(value->get_string()) : std::nullopt;
  if (!duration || *duration < least_us || *duration > most_us) {
    refuse(name, std::string(name) + " must be " + kDurationForms + ", " + std::string(allowed));
    return std::nullopt;
  }
  return duration;
}

std::optional<std::map<std::string, std::string>> BodyReader::optional_texts(std::string_view name) {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  const std::string what(name);
  if (!value->is_object() || value->get_object().size() > 64) {
    refuse(name, what + " must be an object of at most 64 strings");
    return std::nullopt;
  }
  std::map<std::string, std::string> texts;
  for (const auto& item : value->get_object()) {
    const std::string key(item.key());
    if (key.empty() || key.size() > 64 || !item.value().is_string() || item.value().get_string().size() > 256) {
      refuse(what + "/" + key, what + " must map names of 1 to 64 bytes to strings of at most 256 bytes");
      return std::nullopt;
    }
    texts.emplace(key, std::string(item.value().get_string()));
  }
  return texts;
}

std::optional<std::vector<std::string>> BodyReader::optional_list(std::string_view name) {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  const std::string what(name);
  if (!value->is_array() || value->get_array().size() > 64) {
    refuse(name, what + " must be a list of at most 64 strings");
    return std::nullopt;
  }
  std::vector<std::string> texts;
  for (const auto& item : value->get_array()) {
    if (!item.is_string() || item.get_string().empty() || item.get_string().size() > 64) {
      refuse(what + "/" + std::to_string(texts.size()), what + " must be a list of strings of 1 to 64 bytes");
      return std::nullopt;
    }
    texts.emplace_back(item.get_string());
  }
  return texts;
}

const boost::json::value* BodyReader::optional_any(std::string_view name) {
  return find(name);
}

std::optional<Problem> BodyReader::problem() const {
  if (problem_ || object_ == nullptr) return problem_;
  for (const auto& item : *object_) {
    const std::string name(item.key());
    if (known_.contains(name)) continue;
    std::string allowed;
    for (const auto& known : known_) allowed += (allowed.empty() ? "" : ", ") + known;
    return Problem{errc::invalid_argument,
                   "unknown field " + name + "; allowed: " + (allowed.empty() ? "none" : allowed), "/" + name};
  }
  return std::nullopt;
}

}  // namespace hub::web
