#include "hub/web/answer.h"

#include <boost/json/object.hpp>

#include "hub/web/json_text.h"

namespace hub::web {

wire::HttpResponse text_answer(std::string body, std::string content_type, int status) {
  wire::HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  set_header(response, "Content-Type", std::move(content_type));
  return response;
}

wire::HttpResponse json_answer(const boost::json::value& body, int status) {
  return text_answer(to_text(body), "application/json", status);
}

wire::HttpResponse empty_answer() {
  wire::HttpResponse response;
  response.status = 204;
  return response;
}

namespace {

wire::HttpResponse make_problem(int status, std::string_view name, std::string_view title, std::string_view detail,
                                std::string_view field, std::string_view request_id) {
  boost::json::object body;
  body["type"] = "/problems/" + std::string(name);
  body["title"] = title;
  body["status"] = status;
  body["detail"] = detail;
  if (!field.empty()) body["field"] = field;
  body["request_id"] = request_id;
  return text_answer(to_text(body), "application/problem+json", status);
}

}  // namespace

wire::HttpResponse problem_answer(const Problem& problem, std::string_view request_id) {
  const ErrorDescription& what = describe(problem.code);
  auto response = make_problem(what.http_status, what.name, what.title, problem.detail, problem.field, request_id);
  if (problem.code == errc::rate_limited) set_header(response, "Retry-After", "6");
  if (problem.code == errc::busy) set_header(response, "Retry-After", "1");
  if (problem.code == errc::unavailable) set_header(response, "Retry-After", "30");
  return response;
}

wire::HttpResponse problem_answer(int status, std::string_view name, std::string_view title, std::string_view detail,
                                  std::string_view request_id) {
  return make_problem(status, name, title, detail, {}, request_id);
}

void set_header(wire::HttpResponse& response, std::string name, std::string value) {
  wire::Header header{std::move(name), std::move(value)};
  response.headers.push_back(std::move(header));
}

void add_security_headers(wire::HttpResponse& response) {
  set_header(response, "Content-Security-Policy",
             "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
             "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
  set_header(response, "X-Content-Type-Options", "nosniff");
  set_header(response, "Referrer-Policy", "no-referrer");
  set_header(response, "Cross-Origin-Opener-Policy", "same-origin");
  set_header(response, "Cross-Origin-Resource-Policy", "same-origin");
  if (response.header("Cache-Control").empty()) set_header(response, "Cache-Control", "no-store");
}

}  // namespace hub::web
