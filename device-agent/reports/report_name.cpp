#include "device-agent/reports/report_name.h"

#include <algorithm>
#include <cstdio>

#include "base/bytes.h"

namespace agent {
namespace {

constexpr std::size_t kLongest = 128;
constexpr std::size_t kKept = kLongest - 9;

bool is_fit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == ':' || c == '-';
}

}  // namespace

std::string fit_name(std::string_view text) {
  std::string name(text.substr(0, text.size() > kLongest ? kKept : kLongest));
  for (char& c : name) {
    if (!is_fit(c)) c = '_';
  }
  if (text.size() > kLongest) {
    char tail[16];
    std::snprintf(tail, sizeof tail, "-%08x", base::crc32(text));
    name += tail;
  }
  return name;
}

std::string joined_name(std::string_view measurement, std::vector<std::pair<std::string, std::string>> tags,
                        std::string_view field) {
  std::sort(tags.begin(), tags.end());
  std::string name(measurement);
  for (const auto& [key, value] : tags) name += "." + key + ":" + value;
  if (!field.empty() && field != "value") name += "." + std::string(field);
  return name;
}

std::string unit_of_name(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kUnits[] = {
      {"_seconds", "s"}, {"_bytes", "By"}, {"_celsius", "Cel"}, {"_volts", "V"}, {"_amperes", "A"}, {"_watts", "W"},
      {"_joules", "J"},  {"_hertz", "Hz"}, {"_meters", "m"},    {"_grams", "g"}, {"_percent", "%"}, {"_pascals", "Pa"}};
  constexpr std::string_view kTotal = "_total";
  if (name.ends_with(kTotal)) name.remove_suffix(kTotal.size());
  for (const auto& [ending, unit] : kUnits) {
    if (name.ends_with(ending)) return std::string(unit);
  }
  return {};
}

}  // namespace agent
