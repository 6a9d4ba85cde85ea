// Which credential a request carries: a program's token, or a browser's cookie.
#pragma once

#include <optional>
#include <string_view>

#include "hub/identity/identity.h"
#include "wire/http.h"

namespace hub::web {

/// What follows "Bearer " in an Authorization header; nothing where it is another scheme.
std::optional<std::string_view> bearer_token(std::string_view authorization);

/// A request with an Authorization header stands or falls with it: its cookie does not count. unauthenticated says what
/// to do.
Outcome<Principal> sign_in(Identity& identity, const wire::HttpRequest& request);

}  // namespace hub::web
