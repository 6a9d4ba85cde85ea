#include "hub/web/route.h"

namespace hub::web {
namespace {

/// Fills `path` and answers true where `segments` fit the template.
bool fits(std::string_view pattern, const std::vector<std::string>& segments,
          std::map<std::string, std::string, std::less<>>& path) {
  path.clear();
  std::size_t i = 0;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);  // '/'
    const std::size_t end = pattern.find('/');
    const std::string_view part = pattern.substr(0, end);
    pattern = end == std::string_view::npos ? std::string_view() : pattern.substr(end);
    if (i == segments.size()) return false;
    if (part.size() > 2 && part.front() == '{') {
      if (segments[i].empty()) return false;
      path.emplace(part.substr(1, part.size() - 2), segments[i]);
    } else if (part != segments[i]) {
      return false;
    }
    ++i;
  }
  return i == segments.size();
}

}  // namespace

RouteMatch match(std::span<const Route> table, std::string_view method, const std::vector<std::string>& segments) {
  RouteMatch found;
  std::map<std::string, std::string, std::less<>> path;
  for (const Route& route : table) {
    if (!fits(route.path, segments, path)) continue;
    if (route.method == method || (method == "HEAD" && route.method == "GET")) {
      found.route = &route;
      found.path = std::move(path);
      return found;
    }
    found.allowed += (found.allowed.empty() ? "" : ", ") + std::string(route.method);
    if (route.method == "GET") found.allowed += ", HEAD";
  }
  return found;
}

}  // namespace hub::web
