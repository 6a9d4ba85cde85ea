#include "hub/web/accept.h"

#include <algorithm>
#include <string>

namespace hub::web {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool same(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// "0.85" → 850; anything odd → 0.
int thousandths(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return 0;
  int value = (text[0] - '0') * 1000;
  if (text.size() > 1 && text[1] == '.') {
    int unit = 100;
    for (const char c : text.substr(2, 3)) {
      if (c < '0' || c > '9') return 0;
      value += (c - '0') * unit;
      unit /= 10;
    }
  }
  return std::min(value, 1000);
}

}  // namespace

int accepted_quality(std::string_view header, std::string_view name) {
  const std::size_t slash = name.find('/');
  const std::string group = slash == std::string_view::npos ? "" : std::string(name.substr(0, slash)) + "/*";
  int exact = -1, grouped = -1, any = -1;
  while (!header.empty()) {
    const std::size_t comma = header.find(',');
    std::string_view entry = header.substr(0, comma);
    header = comma == std::string_view::npos ? std::string_view() : header.substr(comma + 1);
    const std::size_t semicolon = entry.find(';');
    const std::string_view what = trimmed(entry.substr(0, semicolon));
    int quality = 1000;
    while (entry.find(';') != std::string_view::npos) {
      entry = entry.substr(entry.find(';') + 1);
      const std::string_view parameter = trimmed(entry.substr(0, entry.find(';')));
      if (parameter.size() > 2 && (parameter[0] == 'q' || parameter[0] == 'Q') && parameter[1] == '=') {
        quality = thousandths(parameter.substr(2));
      }
    }
    if (same(what, name)) exact = quality;
    if (!group.empty() && same(what, group)) grouped = quality;
    if (what == "*" || what == "*/*") any = quality;
  }
  if (exact >= 0) return exact;
  return grouped >= 0 ? grouped : any;
}

bool prefers_csv(std::string_view accept) {
  // "*/*" alone, as curl and browsers send it, means JSON.
  if (accept.find("text/csv") == std::string_view::npos) return false;
  const int csv = accepted_quality(accept, "text/csv");
  return csv > 0 && csv >= accepted_quality(accept, "application/json");
}

}  // namespace hub::web
