#include "hub/web/origin.h"

#include <algorithm>

namespace hub::web {
namespace {

bool has_header(const wire::HttpRequest& request, std::string_view name) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::any_of(request.headers, [&](const wire::Header& header) {
    return std::ranges::equal(header.name, name, {}, lower, lower);
  });
}

}  // namespace

bool changes_state(std::string_view method) {
  return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

bool is_own_origin(const wire::HttpRequest& request) {
  if (has_header(request, "Origin")) {
    const std::string_view host = request.header("Host");
    if (host.empty()) return false;
    return request.header("Origin") == "https://" + std::string(host);
  }
  if (!has_header(request, "Sec-Fetch-Site")) return true;
  const std::string_view site = request.header("Sec-Fetch-Site");
  return site == "same-origin" || site == "none";
}

}  // namespace hub::web
