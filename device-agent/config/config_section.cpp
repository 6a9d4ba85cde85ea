#include "device-agent/config/config_section.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace agent {

void fail(const std::string& file, const toml::node& node, const std::string& key, const std::string& why) {
  throw ConfigError{file + ":" + std::to_string(node.source().begin.line) + ": " + key + ": " + why};
}

/// What `read` gives; `otherwise` where it finds a mistake, which is kept.
template <class Read>
auto ConfigSection::reading(const char* key, decltype(std::declval<Read>()()) otherwise, Read&& read) {
  try {
    return read();
  } catch (const ConfigError& e) {
    const bool is_new = std::find(wrong_keys_.begin(), wrong_keys_.end(), key) == wrong_keys_.end();
    if (is_new) problems_.push_back(e.text);
    wrong_keys_.emplace_back(key);
    return otherwise;
  }
}

void ConfigSection::throw_all() const {
  std::string text;
  for (const auto& problem : problems_) text += (text.empty() ? "" : "\n") + problem;
  throw ConfigError{text};
}

std::string ConfigSection::text(const char* key, const std::string& otherwise) {
  const toml::node* node = take(key);
  if (node == nullptr) return otherwise;
  return reading(key, otherwise, [&] {
    if (!node->is_string()) fail(file_, *node, name_ + key, "must be a text in quotes");
    return substituted(*node, key, node->as_string()->get());
  });
}

std::int64_t ConfigSection::duration_us(const char* key, std::int64_t otherwise, std::int64_t least,
                                        std::int64_t most) {
  const toml::node* node = take(key);
  if (node == nullptr) return otherwise;
  std::int64_t us = -1;
  if (node->is_string()) {
    const std::string text =
        reading(key, std::string(), [&] { return substituted(*node, key, node->as_string()->get()); });
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    const std::int64_t factor = unit == "ms"  ? 1'000
                                : unit == "s" ? 1'000'000
                                : unit == "m" ? 60'000'000
                                : unit == "h" ? 3'600'000'000LL
                                              : 0;
    if (ec == std::errc{} && number >= 0 && number < 1'000'000 && factor != 0) us = number * factor;
  }
  return reading(key, otherwise, [&] {
    if (us < least || us > most) {
      fail(file_, *node, name_ + key,
           "must be a duration such as \"500ms\", \"1s\", \"5m\", from " + std::to_string(least / 1'000) + " ms to " +
               std::to_string(most / 1'000'000) + " s");
    }
    return us;
  });
}

std::size_t ConfigSection::size_bytes(const char* key, std::size_t otherwise) {
  const toml::node* node = take(key);
  if (node == nullptr) return otherwise;
  std::size_t bytes = 0;
  if (node->is_string()) {
    const std::string text =
        reading(key, std::string(), [&] { return substituted(*node, key, node->as_string()->get()); });
    std::size_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    const std::size_t factor = unit == "KiB"   ? 1024
                               : unit == "MiB" ? 1024 * 1024
                               : unit == "GiB" ? 1024 * 1024 * 1024
                                               : 0;
    if (ec == std::errc{} && number < 1'000'000) bytes = number * factor;
  }
  return reading(key, otherwise, [&] {
    if (bytes < 16 * 1024) fail(file_, *node, name_ + key, "must be a size such as \"64MiB\", at least \"16KiB\"");
    return bytes;
  });
}

bool ConfigSection::flag(const char* key, bool otherwise) {
  const toml::node* node = take(key);
  if (node == nullptr) return otherwise;
  return reading(key, otherwise, [&] {
    if (!node->is_boolean()) fail(file_, *node, name_ + key, "must be true or false");
    return node->as_boolean()->get();
  });
}

std::vector<std::string> ConfigSection::texts(const char* key) {
  const toml::node* node = take(key);
  if (node == nullptr) return {};
  return reading(key, std::vector<std::string>(), [&] {
    std::vector<std::string> out;
    const toml::array* array = node->as_array();
    if (array == nullptr) fail(file_, *node, name_ + key, "must be a list of texts");
    for (const auto& item : *array) {
      if (!item.is_string()) fail(file_, item, name_ + key, "must be a list of texts");
      out.push_back(substituted(item, key, item.as_string()->get()));
    }
    return out;
  });
}

const toml::node* ConfigSection::take(const char* key) {
  known_.emplace_back(key);
  return table_.get(key);
}

void ConfigSection::refuse(const char* key, const std::string& why) {
  const toml::node* node = table_.get(key);
  // What was wrong already is not wrong twice: the default that stood in for it may be what is refused here.
  if (std::find(wrong_keys_.begin(), wrong_keys_.end(), key) == wrong_keys_.end()) {
    try {
      fail(file_, node != nullptr ? *node : static_cast<const toml::node&>(table_), name_ + key, why);
    } catch (const ConfigError& e) {
      problems_.push_back(e.text);
    }
  }
  throw_all();
}

void ConfigSection::refuse_unknown() {
  for (const auto& [key, node] : table_) {
    if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
    std::string allowed;
    for (const auto& k : known_) allowed += (allowed.empty() ? "" : ", ") + k;
    problems_.push_back(file_ + ":" + std::to_string(key.source().begin.line) + ": " + name_ + std::string(key.str()) +
                        ": unknown key; allowed here: " + allowed);
  }
  if (!problems_.empty()) throw_all();
}

std::string ConfigSection::substituted(const toml::node& node, const char* key, const std::string& text) const {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool opens = text.compare(i, 2, "${") == 0;
    const std::size_t end = opens ? text.find('}', i) : std::string::npos;
    if (end == std::string::npos) {
      out.push_back(text[i]);
      continue;
    }
    const std::string name = text.substr(i + 2, end - i - 2);
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) fail(file_, node, name_ + key, "the environment has no " + name);
    out += value;
    i = end;
  }
  return out;
}

std::int64_t ConfigSection::integer(const char* key, std::int64_t otherwise, std::int64_t least, std::int64_t most) {
  const toml::node* node = take(key);
  if (node == nullptr) return otherwise;
  return reading(key, otherwise, [&] {
    const auto* integer = node->as_integer();
    if (integer == nullptr || integer->get() < least || integer->get() > most) {
      fail(file_, *node, name_ + key,
           "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    return integer->get();
  });
}

double ConfigSection::number(const char* key, double otherwise) {
  const toml::node* node = take(key);
  if (node == nullptr) return otherwise;
  return reading(key, otherwise, [&] {
    const auto value = node->value<double>();
    if (!node->is_number() || !value || !std::isfinite(*value)) fail(file_, *node, name_ + key, "must be a number");
    return *value;
  });
}

boost::json::value to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    boost::json::object out;
    for (const auto& [key, value] : *table) out[std::string(key.str())] = to_json(value);
    return out;
  }
  if (const auto* array = node.as_array()) {
    boost::json::array out;
    for (const auto& value : *array) out.push_back(to_json(value));
    return out;
  }
  if (node.is_string()) return boost::json::value(node.as_string()->get());
  if (node.is_integer()) return boost::json::value(node.as_integer()->get());
  if (node.is_floating_point()) return boost::json::value(node.as_floating_point()->get());
  if (node.is_boolean()) return boost::json::value(node.as_boolean()->get());
  return nullptr;
}

}  // namespace agent
