// Influx line protocol: measurement[,tag=value…] field=value[,field=value…] [nanoseconds]
#include <charconv>

#include "device-agent/reports/line_parsers.h"
#include "device-agent/reports/report_name.h"
#include "device-agent/reports/report_value.h"

namespace agent {
namespace {

/// Takes up to one of `ends` that no backslash stands before; backslashes before one of `escaped` go.
std::string take_word(std::string_view& text, std::string_view ends, std::string_view escaped) {
  std::string word;
  while (!text.empty()) {
    if (text[0] == '\\' && text.size() > 1 && escaped.find(text[1]) != std::string_view::npos) {
      word.push_back(text[1]);
      text.remove_prefix(2);
      continue;
    }
    if (ends.find(text[0]) != std::string_view::npos) break;
    word.push_back(text[0]);
    text.remove_prefix(1);
  }
  return word;
}

bool take_char(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

/// Behind the opening quote, through the closing one.
bool take_quoted(std::string_view& text, std::string& out) {
  out = take_word(text, "\"", "\"\\");
  return take_char(text, '"');
}

template <typename Whole>
std::optional<double> whole_number(std::string_view digits) {
  Whole number = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (ec != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return static_cast<double>(number);
}

std::optional<Value> bare_value(std::string_view word) {
  for (const std::string_view yes : {"t", "T", "true", "True", "TRUE"}) {
    if (word == yes) return Value(true);
  }
  for (const std::string_view no : {"f", "F", "false", "False", "FALSE"}) {
    if (word == no) return Value(false);
  }
  if (word.empty()) return std::nullopt;
  std::optional<double> number;
  const std::string_view digits = word.substr(0, word.size() - 1);
  if (word.back() == 'i') {
    number = whole_number<std::int64_t>(digits);
  } else if (word.back() == 'u') {
    number = whole_number<std::uint64_t>(digits);
  } else {
    number = finite_number(word);
  }
  return number ? std::optional<Value>(*number) : std::nullopt;
}

}  // namespace

std::string parse_influx_line(std::string_view line, std::vector<Report>& out) {
  std::string_view text = trimmed(line);
  if (text.empty() || text[0] == '#') return {};
  const std::size_t first = out.size();
  const std::string measurement = take_word(text, ", ", ", \\");
  if (measurement.empty()) return "no measurement stands at its beginning";
  std::vector<std::pair<std::string, std::string>> tags;
  while (take_char(text, ',')) {
    std::string key = take_word(text, ",= ", ",= \\");
    if (key.empty() || !take_char(text, '=')) return "after a comma behind the measurement stands no tag=value";
    std::string value = take_word(text, ",= ", ",= \\");
    if (value.empty()) return "tag " + shown(key) + " has no value";
    tags.emplace_back(std::move(key), std::move(value));
  }
  text = trimmed(text);
  if (text.empty()) return "no field=value stands behind " + shown(measurement);
  do {
    const std::string key = take_word(text, ",= ", ",= \\");
    if (key.empty() || !take_char(text, '=')) return "expected field=value, found " + shown(key.empty() ? text : key);
    std::optional<Value> value;
    if (take_char(text, '"')) {
      std::string words;
      if (!take_quoted(text, words)) return "the text of field " + shown(key) + " has no closing quote";
      if (!is_storable_text(words)) return "the text of field " + shown(key) + " is no UTF-8 or longer than 1 KiB";
      value = std::move(words);
    } else {
      const std::string word = take_word(text, ", ", "");
      value = bare_value(word);
      if (!value) return "field " + shown(key) + " is " + shown(word) + ", which is no number, true, false or \"text\"";
    }
    if (out.size() - first >= kMostReportsALine) return "more than 256 fields";
    out.push_back({joined_name(measurement, tags, key), std::move(*value), {}, {}});
  } while (take_char(text, ','));
  if (!text.empty() && text[0] != ' ') return shown(text) + " stands behind a value";
  text = trimmed(text);
  if (text.empty()) return {};
  std::int64_t ns = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), ns);
  const auto us = ec == std::errc{} && end == text.data() + text.size() ? time_of_count(ns, 1) : std::nullopt;
  if (!us) return shown(text) + " is no time in nanoseconds since 1970";
  for (std::size_t i = first; i < out.size(); ++i) out[i].wall_us = us;
  return {};
}

}  // namespace agent
