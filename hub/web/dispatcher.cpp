#include "hub/web/dispatcher.h"

#include <spdlog/logger.h>

#include "hub/web/origin.h"
#include "hub/web/route.h"

namespace hub::web {
namespace {

/// Sign-in, permission and device of a call, in the order in which they may be told: nobody learns what exists before
/// they may know it.
Outcome<void> admit(Call& call, const Access& access) {
  if (!access.is_anyone()) {
    auto who = call.sign_in();
    if (!who) return who.error();
    call.who = std::move(*who);
    if (access.is_in_person() && call.who.is_token) {
      return Problem{errc::forbidden, "a token may not do this; sign in as its user", "Authorization"};
    }
  }
  if (const auto operation = access.operation()) {
    call.operation = *operation;
    if (auto allowed = authorize(call.who, *operation); !allowed) return allowed.error();
  }
  const auto named = call.path.find("device");
  if (named == call.path.end()) return {};
  call.device = call.services.devices.find(named->second);
  if (!call.device || !call.may_see(call.device->id)) return no_such("device " + named->second);
  return {};
}

AuditEntry audit_entry(const Call& call, const Route& route, int status) {
  AuditEntry entry;
  entry.actor = call.who.name;
  if (!call.who.name.empty()) entry.credential = call.who.is_token ? "token " + call.who.credential_id : "session";
  entry.address = call.request.remote_address;
  entry.action = std::string(route.method) + " " + std::string(route.path);
  for (const auto& [name, value] : call.path) entry.object += (entry.object.empty() ? "" : " ") + name + "=" + value;
  entry.detail = audit_detail(call.request.body);
  entry.status = status;
  return entry;
}

}  // namespace

wire::HttpResponse Dispatcher::dashboard(const wire::HttpRequest& request, const std::vector<std::string>& segments,
                                         const std::string& request_id) const {
  if (request.method != "GET" && request.method != "HEAD") {
    auto response =
        problem_answer(405, "method_not_allowed", "Method not allowed", "files take GET and HEAD", request_id);
    set_header(response, "Allow", "GET, HEAD");
    return response;
  }
  if (!assets_.has_dashboard()) {
    return problem_answer(
        {errc::not_found, "this build has no dashboard; the REST API is at /api/v1 (see /api/v1/openapi.json)", ""},
        request_id);
  }
  auto found = assets_.answer(request, segments);
  if (found) return std::move(*found);
  return problem_answer({errc::not_found, "there is no such file", ""}, request_id);
}

boost::asio::awaitable<wire::HttpResponse> Dispatcher::route(const wire::HttpRequest& request,
                                                             const std::string& request_id, std::string& user_out,
                                                             LiveHandover& live) {
  const auto target = Target::parse(request.target);
  if (!target) {
    co_return problem_answer({errc::invalid_argument, "the request's target is not a valid path and query", ""},
                             request_id);
  }
  auto found = match(routes(), request.method, target->segments);
  if (found.route == nullptr && found.allowed.empty()) {
    const bool api = !target->segments.empty() && target->segments.front() == "api";
    if (!api) co_return dashboard(request, target->segments, request_id);
    co_return problem_answer({errc::not_found, "there is no such call; /api/v1/openapi.json lists those there are", ""},
                             request_id);
  }
  if (found.route == nullptr) {
    auto response =
        problem_answer(405, "method_not_allowed", "Method not allowed", "this path takes " + found.allowed, request_id);
    set_header(response, "Allow", found.allowed);
    co_return response;
  }
  if (changes_state(request.method) && !is_own_origin(request)) {
    co_return problem_answer({errc::forbidden, "a page of another origin may not change anything here", "Origin"},
                             request_id);
  }
  Call call{services_, options_, request, *target, live, request_id, std::move(found.path), {}, {}, {}};
  const auto admitted = admit(call, found.route->access);
  user_out = call.who.name;
  if (!admitted) {
    auto response = problem_answer(admitted.error(), request_id);
    // Strangers' attempts are in the log and the counters; what someone tried who is known is for the trail.
    if (!call.who.name.empty() && changes_state(request.method)) {
      services_.audit.note(audit_entry(call, *found.route, response.status));
    }
    co_return response;
  }
  auto response = co_await run(call, *found.route);
  user_out = call.who.name;
  if (live.stream) live.who = std::move(call.who);
  co_return response;
}

boost::asio::awaitable<wire::HttpResponse> Dispatcher::run(Call& call, const Route& route) {
  const bool is_audited = changes_state(call.request.method);
  std::uint64_t begun = 0;
  if (is_audited && !route.access.is_anyone()) {
    auto entry = audit_entry(call, route, 0);
    auto begin = [this, &entry](auto done) { services_.audit.begin(std::move(entry), std::move(done)); };
    const auto written = co_await answer_of<Outcome<std::uint64_t>>(std::move(begin));
    if (!written) co_return problem_answer(written.error(), call.request_id);
    begun = *written;
  }
  auto answer = co_await route.handler(call);
  auto response = answer ? std::move(*answer) : problem_answer(answer.error(), call.request_id);
  if (begun != 0) {
    services_.audit.finish(begun, response.status);
  } else if (is_audited) {
    // Signing in, setting up, redeeming: who it is comes out of it.
    services_.audit.note(audit_entry(call, route, response.status));
  }
  co_return response;
}

boost::asio::awaitable<wire::HttpResponse> Dispatcher::answer(const wire::HttpRequest& request,
                                                              const std::string& request_id, std::string& user_out,
                                                              LiveHandover& live) {
  wire::HttpResponse response;
  // Handlers answer values; what is thrown here is memory running out or a mistake of ours, and must not end the core.
  try {
    response = co_await route(request, request_id, user_out, live);
  } catch (const std::exception& error) {
    live.stream.reset();
    services_.log->error("request {} {} failed: {}", request_id, request.method, error.what());
    response = problem_answer({errc::internal, "the hub made a mistake; its log has the request id", ""}, request_id);
  }
  if (response.status == 401) set_header(response, "WWW-Authenticate", "Bearer");
  set_header(response, "X-Request-Id", request_id);
  add_security_headers(response);
  co_return response;
}

}  // namespace hub::web
