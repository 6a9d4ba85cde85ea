// Prometheus text exposition: name{label="value",…} number [milliseconds]. Every sample is a series, also those of a
// histogram or summary.
#include <charconv>

#include "device-agent/reports/line_parsers.h"
#include "device-agent/reports/report_name.h"
#include "device-agent/reports/report_value.h"

namespace agent {
namespace {

std::string_view take_until(std::string_view& text, std::string_view ends) {
  const std::string_view word = text.substr(0, text.find_first_of(ends));
  text.remove_prefix(word.size());
  return word;
}

bool take_label_value(std::string_view& text, std::string& value) {
  if (text.empty() || text[0] != '"') return false;
  text.remove_prefix(1);
  for (; !text.empty(); text.remove_prefix(1)) {
    if (text[0] == '"') {
      text.remove_prefix(1);
      return true;
    }
    if (text[0] == '\\' && text.size() > 1) {
      text.remove_prefix(1);
      value.push_back(text[0] == 'n' ? '\n' : text[0]);
    } else {
      value.push_back(text[0]);
    }
  }
  return false;
}

}  // namespace

std::string parse_prometheus_line(std::string_view line, std::vector<Report>& out) {
  std::string_view text = trimmed(line);
  if (text.empty() || text[0] == '#') return {};
  const std::string name(take_until(text, "{ \t"));
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return "no name stands at its beginning";
  std::vector<std::pair<std::string, std::string>> labels;
  text = trimmed(text);
  if (!text.empty() && text[0] == '{') {
    text.remove_prefix(1);
    while (true) {
      text = trimmed(text);
      if (!text.empty() && text[0] == '}') break;
      const std::string key(trimmed(take_until(text, "=,}")));
      if (key.empty() || text.empty() || text[0] != '=') return "a label of " + shown(name) + " is not name=\"value\"";
      text = trimmed(text.substr(1));
      std::string value;
      if (!take_label_value(text, value)) return "the value of label " + shown(key) + " is not in quotes";
      labels.emplace_back(key, std::move(value));
      text = trimmed(text);
      if (!text.empty() && text[0] == ',') text.remove_prefix(1);
      if (text.empty()) return "the labels of " + shown(name) + " have no closing brace";
    }
    text.remove_prefix(1);
  }
  text = trimmed(text);
  const std::string_view word = take_until(text, " \t");
  const auto number = finite_number(word);
  if (!number) return shown(name) + " is " + shown(word) + ", which is no finite number";
  text = trimmed(text);
  std::optional<std::int64_t> time;
  if (!text.empty() && text[0] != '#') {  // behind that is an exemplar
    const std::string_view stamp = take_until(text, " \t");
    std::int64_t ms = 0;
    const auto [end, ec] = std::from_chars(stamp.data(), stamp.data() + stamp.size(), ms);
    if (ec == std::errc{} && end == stamp.data() + stamp.size()) {
      time = time_of_count(ms, 1'000'000);
    } else if (const auto seconds = finite_number(stamp)) {
      time = time_of_seconds(*seconds);  // OpenMetrics
    }
    if (!time) return shown(stamp) + " is no time in milliseconds since 1970";
  }
  out.push_back({joined_name(name, std::move(labels), ""), *number, unit_of_name(name), time});
  return {};
}

}  // namespace agent
