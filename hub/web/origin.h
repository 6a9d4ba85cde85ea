// Whether a request may change something or open a live stream: the guard against other sites' pages.
#pragma once

#include <string_view>

#include "wire/http.h"

namespace hub::web {

bool changes_state(std::string_view method);  // all but GET, HEAD, OPTIONS

/// With an Origin: it must be exactly https:// and our own Host. Without: a browser says Sec-Fetch-Site, which must
/// then be same-origin or none (typed by the user); other programs say neither, and carry no cookie that they were not
/// given.
bool is_own_origin(const wire::HttpRequest& request);

}  // namespace hub::web
