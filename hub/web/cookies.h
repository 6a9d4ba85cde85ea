// The sign-in cookie, both ways.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hub::web {

inline constexpr char kSessionCookie[] = "hub_session";

/// The value of `name` in a Cookie header; empty where it is not there. The first one counts.
std::string_view cookie_value(std::string_view header, std::string_view name);

/// Set-Cookie for a sign-in that lasts `max_age_s`; 0 removes it.
std::string session_cookie(std::string_view token, std::int64_t max_age_s);

}  // namespace hub::web
