#include "hub/web/user_routes.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "hub/web/json_text.h"

namespace hub::web {
namespace {

namespace json = boost::json;

json::object to_json(const Identity::UserInfo& user) {
  json::object out;
  out["id"] = user.id.str();
  out["name"] = user.name;
  out["role"] = to_string(user.role);
  out["groups"] = text_array(user.groups);
  out["created_at"] = user.created_us;
  return out;
}

Answer user_answer(const Call& call, const std::string& name, int status) {
  const auto user = call.services.identity.user(name);
  if (!user) return no_such("user " + name);
  return json_answer(to_json(*user), status);
}

}  // namespace

std::optional<Role> read_role(BodyReader& body) {
  const auto wished = body.optional_text("role", {1, 16});
  if (!wished) return std::nullopt;
  const auto role = role_from(*wished);
  if (!role) body.refuse("role", "role must be viewer, operator or admin");
  return role;
}

std::optional<std::vector<std::string>> read_groups(BodyReader& body, const DeviceRegistry& devices) {
  auto groups = body.optional_list("groups");
  if (!groups) return std::nullopt;
  for (std::size_t i = 0; i < groups->size(); ++i) {
    const auto& group = (*groups)[i];
    if (group == kEveryDevice || devices.group(group)) continue;
    body.refuse("groups/" + std::to_string(i),
                "there is no group " + group + "; PUT /api/v1/groups makes one, and * stands for every device");
  }
  return groups;
}

boost::asio::awaitable<Answer> list_users(Call& call) {
  json::array users;
  for (const auto& user : call.services.identity.users()) users.push_back(to_json(user));
  json::object body;
  body["users"] = std::move(users);
  co_return json_answer(body);
}

boost::asio::awaitable<Answer> get_user(Call& call) {
  co_return user_answer(call, call.path["user"], 200);
}

boost::asio::awaitable<Answer> post_user(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  const std::string name = body.text("username", {1, 64});
  const std::string password = body.text("password", {8, 1'024});
  const auto role = read_role(body);
  if (!role) body.refuse("role", "role must be viewer, operator or admin");
  const auto groups = read_groups(body, call.services.devices).value_or(std::vector<std::string>());
  if (auto problem = body.problem()) co_return *problem;
  Identity& identity = call.services.identity;
  if (identity.user(name)) co_return Problem{errc::conflict, "there is a user " + name + " already", "/username"};
  auto put = [&identity, name, password, role = *role, groups](auto done) {
    identity.put_user(name, password, role, groups, done);
  };
  const auto made = co_await answer_of<Outcome<UserId>>(std::move(put));
  if (!made) co_return made.error();
  co_return user_answer(call, name, 201);
}

boost::asio::awaitable<Answer> patch_user(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  const auto role = read_role(body);
  const auto groups = read_groups(body, call.services.devices);
  if (!role && !groups) body.refuse("role", "nothing to change: give role, groups or both");
  if (auto problem = body.problem()) co_return *problem;
  const std::string name = call.path["user"];
  auto change = [&identity = call.services.identity, name, role, groups](auto done) {
    identity.change_rights(name, role, groups, done);
  };
  const auto changed = co_await answer_of<Outcome<bool>>(std::move(change));
  if (!changed) co_return changed.error();
  co_return user_answer(call, name, 200);
}

boost::asio::awaitable<Answer> put_user_password(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  const std::string password = body.text("password", {8, 1'024});
  if (auto problem = body.problem()) co_return *problem;
  Identity& identity = call.services.identity;
  const auto user = identity.user(call.path["user"]);
  if (!user) co_return no_such("user " + call.path["user"]);
  auto put = [&identity, user = *user, password](auto done) {
    identity.put_user(user.name, password, user.role, user.groups, done);
  };
  const auto stored = co_await answer_of<Outcome<UserId>>(std::move(put));
  if (!stored) co_return stored.error();
  co_return empty_answer();
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
