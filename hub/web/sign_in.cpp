#include "hub/web/sign_in.h"

#include <algorithm>

#include "hub/web/cookies.h"

namespace hub::web {

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  if (authorization.size() < kScheme.size() ||
      !std::ranges::equal(authorization.substr(0, kScheme.size()), kScheme, {}, lower)) {
    return std::nullopt;
  }
  authorization.remove_prefix(kScheme.size());
  while (!authorization.empty() && authorization.front() == ' ') authorization.remove_prefix(1);
  return authorization;
}

Outcome<Principal> sign_in(Identity& identity, const wire::HttpRequest& request) {
  const std::string_view authorization = request.header("Authorization");
  if (authorization.empty()) {
    auto who = identity.session(cookie_value(request.header("Cookie"), kSessionCookie));
    if (who) return std::move(*who);
    return Problem{errc::unauthenticated,
                   "sign in with POST /api/v1/session, or send Authorization: Bearer with an API token", ""};
  }
  const auto token = bearer_token(authorization);
  if (!token) {
    return Problem{errc::unauthenticated, "programs sign in with Authorization: Bearer and an API token",
                   "Authorization"};
  }
  auto who = identity.api_token(*token);
  if (who) return std::move(*who);
  return Problem{errc::unauthenticated, "this API token is not known, was removed, or has expired", "Authorization"};
}

}  // namespace hub::web
