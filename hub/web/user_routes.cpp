#include "hub/web/user_routes.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "hub/web/body_reader.h"

namespace hub::web {
namespace {

namespace json = boost::json;

json::object to_json(const Identity::UserInfo& user) {
  json::object out;
  out["id"] = user.id.str();
  out["name"] = user.name;
  out["role"] = to_string(user.role);
  out["created_at"] = user.created_us;
  return out;
}

}  // namespace

boost::asio::awaitable<Answer> list_users(Call& call) {
  json::array users;
  for (const auto& user : call.services.identity.users()) users.push_back(to_json(user));
  json::object body;
  body["users"] = std::move(users);
  co_return json_answer(body);
}

boost::asio::awaitable<Answer> post_user(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  const std::string name = body.text("username", {1, 64});
  const std::string password = body.text("password", {8, 256});
  const std::string wished = body.text("role", {1, 16});
  const auto role = role_from(wished);
  if (!role) body.refuse("role", "role must be viewer, operator or admin");
  if (auto problem = body.problem()) co_return *problem;
  Identity& identity = call.services.identity;
  const auto known = identity.users();
  if (std::ranges::any_of(known, [&](const auto& user) { return user.name == name; })) {
    co_return Problem{errc::conflict, "there is a user " + name + " already", "/username"};
  }
  auto put = [&identity, name, password, role = *role](auto done) { identity.put_user(name, password, role, done); };
  const auto made = co_await answer_of<Outcome<UserId>>(std::move(put));
  if (!made) co_return made.error();
  for (const auto& user : identity.users()) {
    if (user.id == *made) co_return json_answer(to_json(user), 201);
  }
  co_return Problem{errc::conflict, "the user was removed meanwhile", ""};
}

boost::asio::awaitable<Answer> delete_user(Call& call) {
  auto remove = [&identity = call.services.identity, name = call.path["user"]](auto done) {
    identity.remove_user(name, done);
  };
  const auto removed = co_await answer_of<Outcome<bool>>(std::move(remove));
  if (!removed) co_return removed.error();
  co_return empty_answer();
}

}  // namespace hub::web
