#include "hub/web/execution_routes.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "hub/web/body_reader.h"
#include "hub/web/json_text.h"
#include "hub/web/query_reader.h"
#include "hub/web/time_text.h"

namespace hub::web {
namespace {

constexpr std::int64_t kLongestWait = 7LL * 86'400 * 1'000'000;

/// The role that the device's configuration asks for, on top of the operator that every command needs.
Outcome<void> check_role(const Call& call, const std::string& command) {
  for (const auto& declared : call.device->commands) {
    if (declared.name != command) continue;
    const auto needed = role_from(declared.role);
    if (needed && call.who.role < *needed) {
      return Problem{errc::forbidden, command + " on this device needs the role " + declared.role, "/command"};
    }
  }
  return {};
}

}  // namespace

boost::asio::awaitable<Answer> post_execution(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  CommandRequest request;
  request.device = call.device->id;
  request.requested_by = call.who.name;
  request.command = body.text("command", {1, 64});
  if (const auto* arguments = body.optional_any("arguments")) {
    if (!arguments->is_object()) body.refuse("arguments", "arguments must be an object");
    request.arguments_json = to_text(*arguments);
  }
  request.not_after_us = body.optional_integer("not_after", 0, kLatestTime).value_or(0);
  const std::int64_t now_us = call.services.clock.now_us();
  if (request.not_after_us != 0 && request.not_after_us <= now_us) {
    body.refuse("not_after", "not_after is over; it is a time in microseconds since the epoch, at most 7 days ahead");
  }
  if (request.not_after_us > now_us + kLongestWait) body.refuse("not_after", "not_after is more than 7 days ahead");
  request.idempotency_key = std::string(call.request.header("Idempotency-Key"));
  if (request.idempotency_key.size() > 128) body.refuse("Idempotency-Key", "Idempotency-Key is longer than 128 bytes");
  if (auto problem = body.problem()) co_return *problem;
  if (auto allowed = check_role(call, request.command); !allowed) co_return allowed.error();
  auto create = [&commands = call.services.commands, request] { return commands.create(request); };
  const auto made = co_await on_control(call, std::move(create));
  if (!made) co_return made.error();
  auto response = json_answer(to_json(*made), 201);
  set_header(response, "Location", "/api/v1/executions/" + made->id.str());
  co_return response;
}

boost::asio::awaitable<Answer> list_executions(Call& call) {
  QueryReader query(call.target);
  const auto limit = static_cast<std::size_t>(query.optional_integer("limit", 1, 1'000).value_or(100));
  if (auto problem = query.problem()) co_return *problem;
  auto list = [&commands = call.services.commands, device = call.device->id, limit] {
    return commands.list(device, limit);
  };
  const auto found = co_await on_control(call, std::move(list));
  if (!found) co_return found.error();
  boost::json::array executions;
  for (const auto& execution : *found) executions.push_back(to_json(execution));
  boost::json::object body;
  body["executions"] = std::move(executions);
  co_return json_answer(body);
}

boost::asio::awaitable<Answer> get_execution(Call& call) {
  auto get = [&commands = call.services.commands, id = ExecutionId(call.path["execution"])] {
    return commands.get(id);
  };
  const auto found = co_await on_control(call, std::move(get));
  if (!found) co_return found.error();
  if (!call.may_see(found->device)) co_return no_such("execution " + call.path["execution"]);
  co_return json_answer(to_json(*found));
}

boost::asio::awaitable<Answer> cancel_execution(Call& call) {
  auto cancel = [&call, id = ExecutionId(call.path["execution"])]() -> Outcome<ExecutionRecord> {
    const auto found = call.services.commands.get(id);
    if (!found) return found.error();
    if (!call.may_see(found->device)) return no_such("execution " + id.str());
    return call.services.commands.cancel(id);
  };
  const auto cancelled = co_await on_control(call, std::move(cancel));
  if (!cancelled) co_return cancelled.error();
  co_return json_answer(to_json(*cancelled));
}

}  // namespace hub::web
