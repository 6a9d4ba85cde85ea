#include "hub/web/token_routes.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "hub/web/body_reader.h"
#include "hub/web/json_text.h"

namespace hub::web {
namespace {

namespace json = boost::json;

json::value time_or_null(std::int64_t time_us) {
  return time_us > 0 ? json::value(time_us) : json::value(nullptr);
}

/// Read by every admin, so that they find the one that leaked.
bool may_manage(const Principal& who, const ApiTokenRecord& token) {
  return token.user == who.user || authorize(who, Operation::manage_users).has_value();
}

json::object to_json(const ApiTokenRecord& token, const std::string& user) {
  json::object out;
  out["id"] = token.id;
  out["name"] = token.name;
  out["user"] = user;
  out["scopes"] = text_array(scope_names(token.scopes));
  out["created_at"] = token.created_us;
  out["expires_at"] = time_or_null(token.expires_us);
  out["last_used"] = time_or_null(token.last_used_us);
  return out;
}

Scopes read_scopes(BodyReader& body) {
  const auto names = body.optional_list("scopes").value_or(std::vector<std::string>());
  Scopes scopes = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto scope = scope_from(names[i]);
    if (!scope) {
      body.refuse("scopes/" + std::to_string(i), "a scope is read, ingest, command or admin");
    } else {
      scopes = static_cast<Scopes>(scopes | static_cast<Scopes>(*scope));
    }
  }
  if (scopes == 0) body.refuse("scopes", "scopes must have one at least of read, ingest, command and admin");
  return scopes;
}

}  // namespace

boost::asio::awaitable<Answer> list_tokens(Call& call) {
  std::map<UserId, std::string> names;
  for (const auto& user : call.services.identity.users()) names[user.id] = user.name;
  json::array tokens;
  for (const auto& token : call.services.identity.api_tokens()) {
    if (may_manage(call.who, token)) tokens.push_back(to_json(token, names[token.user]));
  }
  json::object body;
  body["tokens"] = std::move(tokens);
  co_return json_answer(body);
}

boost::asio::awaitable<Answer> post_token(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  ApiTokenRequest request;
  request.user = call.who.user;
  request.name = body.text("name", {1, 64});
  request.scopes = read_scopes(body);
  request.ttl_us = body.optional_duration_us("ttl", 60'000'000LL, 3'650 * 86'400'000'000LL, "1m to 3650d").value_or(0);
  if (auto problem = body.problem()) co_return *problem;
  auto create = [&identity = call.services.identity, request](auto done) { identity.create_api_token(request, done); };
  const auto made = co_await answer_of<Outcome<ApiToken>>(std::move(create));
  if (!made) co_return made.error();
  json::object answer;
  answer["id"] = made->id;
  answer["token"] = made->token;
  answer["name"] = request.name;
  answer["scopes"] = text_array(scope_names(request.scopes));
  answer["expires_at"] = time_or_null(made->expires_us);
  co_return json_answer(answer, 201);
}

boost::asio::awaitable<Answer> post_ticket(Call& call) {
  if (!call.request.body.empty()) {
    auto parsed = parse_json(call.request.body);
    if (!parsed) co_return parsed.error();
    BodyReader body(*parsed);
    if (auto problem = body.problem()) co_return *problem;
  }
  const auto made = call.services.identity.make_ticket(call.who);
  if (!made) co_return made.error();
  json::object answer;
  answer["ticket"] = made->ticket;
  answer["expires_at"] = made->expires_us;
  co_return json_answer(answer, 201);
}

boost::asio::awaitable<Answer> delete_token(Call& call) {
  const std::string id = call.path["token"];
  const auto all = call.services.identity.api_tokens();
  const auto found = std::ranges::find(all, id, &ApiTokenRecord::id);
  if (found == all.end() || !may_manage(call.who, *found)) co_return no_such("token " + id);
  auto remove = [&identity = call.services.identity, id](auto done) { identity.remove_api_token(id, done); };
  const auto removed = co_await answer_of<Outcome<bool>>(std::move(remove));
  if (!removed) co_return removed.error();
  co_return empty_answer();
}

}  // namespace hub::web
