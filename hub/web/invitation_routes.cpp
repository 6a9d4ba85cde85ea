#include "hub/web/invitation_routes.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "hub/web/body_reader.h"
#include "hub/web/enrolment_command.h"
#include "hub/web/json_text.h"
#include "hub/web/session_routes.h"
#include "hub/web/user_routes.h"

namespace hub::web {
namespace {

namespace json = boost::json;

}  // namespace

boost::asio::awaitable<Answer> list_invitations(Call& call) {
  json::array invitations;
  for (const auto& one : call.services.identity.invitations()) {
    json::object out;
    out["id"] = one.id;
    out["role"] = one.role;
    out["groups"] = text_array(one.groups);
    out["invited_by"] = one.invited_by;
    out["created_at"] = one.created_us;
    out["expires_at"] = one.expires_us;
    invitations.push_back(std::move(out));
  }
  json::object body;
  body["invitations"] = std::move(invitations);
  co_return json_answer(body);
}

boost::asio::awaitable<Answer> post_invitation(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  InvitationRequest request;
  const auto role = read_role(body);
  if (!role) body.refuse("role", "role must be viewer, operator or admin");
  request.role = role.value_or(Role::viewer);
  request.groups = read_groups(body, call.services.devices).value_or(std::vector<std::string>());
  request.ttl_us =
      body.optional_duration_us("ttl", 60'000'000LL, 30 * 86'400'000'000LL, "1m to 30d").value_or(request.ttl_us);
  request.invited_by = call.who.name;
  if (auto problem = body.problem()) co_return *problem;
  auto invite = [&identity = call.services.identity, request](auto done) { identity.invite(request, done); };
  const auto made = co_await answer_of<Outcome<Invitation>>(std::move(invite));
  if (!made) co_return made.error();
  const std::string address =
      reachable_address(call.options.public_host, call.request.header("Host"), call.options.port);
  json::object answer;
  answer["id"] = made->id;
  answer["token"] = made->token;
  // Behind '#', which no browser sends to any server.
  answer["url"] = "https://" + address + "/#/invitation/" + made->token;
  answer["expires_at"] = made->expires_us;
  co_return json_answer(answer, 201);
}

boost::asio::awaitable<Answer> delete_invitation(Call& call) {
  auto remove = [&identity = call.services.identity, id = call.path["invitation"]](auto done) {
    identity.remove_invitation(id, done);
  };
  const auto removed = co_await answer_of<Outcome<bool>>(std::move(remove));
  if (!removed) co_return removed.error();
  co_return empty_answer();
}

boost::asio::awaitable<Answer> look_at_invitation(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  const std::string token = body.text("token", {1, 256});
  if (auto problem = body.problem()) co_return *problem;
  const auto found = call.services.identity.invitation(token);
  if (!found) co_return found.error();
  json::object answer;
  answer["role"] = found->role;
  answer["invited_by"] = found->invited_by;
  answer["expires_at"] = found->expires_us;
  co_return json_answer(answer);
}

boost::asio::awaitable<Answer> accept_invitation(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  const std::string token = body.text("token", {1, 256});
  const std::string name = body.text("username", {1, 64});
  const std::string password = body.text("password", {8, 1'024});
  if (auto problem = body.problem()) co_return *problem;
  auto accept = [&identity = call.services.identity, token, name, password](auto done) {
    identity.accept_invitation(token, name, password, done);
  };
  const auto grant = co_await answer_of<Outcome<SessionGrant>>(std::move(accept));
  if (!grant) co_return grant.error();
  co_return signed_in(call, *grant);
}

}  // namespace hub::web
