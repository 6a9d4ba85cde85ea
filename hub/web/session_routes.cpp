#include "hub/web/session_routes.h"

#include <boost/json/object.hpp>

#include "hub/web/body_reader.h"
#include "hub/web/cookies.h"
#include "hub/web/json_text.h"

namespace hub::web {
namespace {

namespace json = boost::json;

json::object user_json(const Principal& who) {
  json::object user;
  user["id"] = who.user.str();
  user["name"] = who.name;
  user["role"] = to_string(who.role);
  user["groups"] = text_array(who.groups);
  user["scopes"] = text_array(scope_names(who.scopes));
  json::object body;
  body["user"] = std::move(user);
  return body;
}

}  // namespace

wire::HttpResponse signed_in(Call& call, const SessionGrant& grant) {
  call.who = grant.principal;
  auto response = json_answer(user_json(grant.principal), 201);
  const std::int64_t left_us = grant.expires_us - call.services.clock.now_us();
  set_header(response, "Set-Cookie", session_cookie(grant.cookie_token, left_us / 1'000'000));
  return response;
}

boost::asio::awaitable<Answer> get_setup(Call& call) {
  json::object body;
  body["needed"] = call.services.identity.needs_setup();
  co_return json_answer(body);
}

boost::asio::awaitable<Answer> post_setup(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  const std::string code = body.text("code", {1, 64});
  const std::string name = body.text("username", {1, 64});
  const std::string password = body.text("password", {8, 256});
  if (auto problem = body.problem()) co_return *problem;
  auto set_up = [&call, code, name, password](auto done) {
    call.services.identity.set_up(code, name, password, call.request.remote_address, done);
  };
  const auto grant = co_await answer_of<Outcome<SessionGrant>>(std::move(set_up));
  if (!grant) co_return grant.error();
  co_return signed_in(call, *grant);
}

boost::asio::awaitable<Answer> post_session(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  const std::string name = body.text("username", {1, 256});
  const std::string password = body.text("password", {1, 1'024});
  if (auto problem = body.problem()) co_return *problem;
  auto sign_in = [&call, name, password](auto done) {
    call.services.identity.sign_in(name, password, call.request.remote_address, done);
  };
  const auto grant = co_await answer_of<Outcome<SessionGrant>>(std::move(sign_in));
  if (!grant) co_return grant.error();
  co_return signed_in(call, *grant);
}

boost::asio::awaitable<Answer> get_session(Call& call) {
  co_return json_answer(user_json(call.who));
}

boost::asio::awaitable<Answer> delete_session(Call& call) {
  call.services.identity.sign_out(call.session_token());
  auto response = empty_answer();
  set_header(response, "Set-Cookie", session_cookie("", 0));
  co_return response;
}

boost::asio::awaitable<Answer> put_password(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  const std::string old_password = body.text("old_password", {1, 1'024});
  const std::string new_password = body.text("new_password", {8, 1'024});
  if (auto problem = body.problem()) co_return *problem;
  auto change = [&call, old_password, new_password](auto done) {
    call.services.identity.change_password(call.who, old_password, new_password, call.request.remote_address, done);
  };
  const auto changed = co_await answer_of<Outcome<bool>>(std::move(change));
  if (!changed) co_return changed.error();
  co_return empty_answer();
}

}  // namespace hub::web
