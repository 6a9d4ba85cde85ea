#include "hub/web/group_routes.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "hub/web/body_reader.h"

namespace hub::web {
namespace {

namespace json = boost::json;

json::object to_json(const Call& call, const GroupRecord& group) {
  json::object tags;
  for (const auto& [key, value] : group.tags) tags[key] = value;
  json::array devices;
  for (const auto& device : call.services.devices.devices_in(group.name)) {
    if (call.may_see(device.id)) devices.emplace_back(device.id.str());
  }
  json::object out;
  out["name"] = group.name;
  out["tags"] = std::move(tags);
  out["devices"] = std::move(devices);
  out["created_at"] = group.created_us;
  return out;
}

}  // namespace

bool knows_group(const Principal& who, const std::string& group) {
  return sees_every_device(who) || std::ranges::find(who.groups, group) != who.groups.end();
}

boost::asio::awaitable<Answer> list_groups(Call& call) {
  json::array groups;
  for (const auto& group : call.services.devices.groups()) {
    if (knows_group(call.who, group.name)) groups.push_back(to_json(call, group));
  }
  json::object body;
  body["groups"] = std::move(groups);
  co_return json_answer(body);
}

boost::asio::awaitable<Answer> get_group(Call& call) {
  const std::string& name = call.path["group"];
  const auto group = call.services.devices.group(name);
  if (!group || !knows_group(call.who, name)) co_return no_such("group " + name);
  co_return json_answer(to_json(call, *group));
}

boost::asio::awaitable<Answer> put_group(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  auto tags = body.optional_texts("tags");
  if (!tags) body.refuse("tags", "tags must name what the group's devices have in common: {\"site\": \"north\"}");
  if (auto problem = body.problem()) co_return *problem;
  const std::string name = call.path["group"];
  auto put = [&devices = call.services.devices, name, to = *tags](auto done) { devices.put_group(name, to, done); };
  const auto made = co_await answer_of<Outcome<bool>>(std::move(put));
  if (!made) co_return made.error();
  const auto group = call.services.devices.group(name);
  if (!group) co_return no_such("group " + name);
  co_return json_answer(to_json(call, *group), *made ? 201 : 200);
}

boost::asio::awaitable<Answer> delete_group(Call& call) {
  auto remove = [&devices = call.services.devices, name = call.path["group"]](auto done) {
    devices.remove_group(name, done);
  };
  const auto removed = co_await answer_of<Outcome<bool>>(std::move(remove));
  if (!removed) co_return removed.error();
  co_return empty_answer();
}

}  // namespace hub::web
