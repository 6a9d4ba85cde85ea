// The hub's HTTP answers: JSON, text and problems (RFC 9457), each with the security headers.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "hub/core/errc.h"
#include "wire/http.h"

namespace hub::web {

wire::HttpResponse json_answer(const boost::json::value& body, int status = 200);
wire::HttpResponse text_answer(std::string body, std::string content_type, int status = 200);
wire::HttpResponse empty_answer();  // 204

/// {"type": "/problems/<name>", "title", "status", "detail", "field"?, "request_id"}; Retry-After where waiting helps.
wire::HttpResponse problem_answer(const Problem& problem, std::string_view request_id);
/// For statuses that no errc stands for (405, 412, 426).
wire::HttpResponse problem_answer(int status, std::string_view name, std::string_view title, std::string_view detail,
                                  std::string_view request_id);

void set_header(wire::HttpResponse& response, std::string name, std::string value);

/// Content-Security-Policy without anything inline, nosniff, no referrer, no framing; `no-store` unless the answer says
/// how it may be cached.
void add_security_headers(wire::HttpResponse& response);

}  // namespace hub::web
