#include "hub/web/device_routes.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "hub/web/body_reader.h"
#include "hub/web/group_routes.h"
#include "hub/web/query_reader.h"
#include "wire/frame_codec.h"

namespace hub::web {
namespace {

namespace json = boost::json;

json::object texts(const std::map<std::string, std::string>& map) {
  json::object out;
  for (const auto& [key, value] : map) out[key] = value;
  return out;
}

json::value time_or_null(std::int64_t time_us) {
  return time_us > 0 ? json::value(time_us) : json::value(nullptr);
}

json::object to_json(const Call& call, const DeviceRecord& device) {
  const DeviceRegistry& devices = call.services.devices;
  json::object out;
  out["id"] = device.id.str();
  out["name"] = device.name;
  out["presence"] = to_string(devices.presence(device.id));
  out["last_seen"] = time_or_null(devices.last_seen_us(device.id));
  out["created_at"] = device.created_us;
  out["tags"] = texts(device.tags);
  out["attributes"] = texts(device.attributes);
  json::array groups;
  for (auto& group : devices.groups_of(device.id)) {
    if (knows_group(call.who, group)) groups.emplace_back(std::move(group));
  }
  out["groups"] = std::move(groups);
  return out;
}

/// As the device declared it; null where it declared none. Devices are peers: what they sent may not be JSON.
json::value schema_of(const CommandDescription& command) {
  boost::system::error_code ec;
  auto schema = json::parse(command.arguments_schema_json, ec);
  return ec ? json::value(nullptr) : schema;
}

}  // namespace

boost::asio::awaitable<Answer> list_devices(Call& call) {
  QueryReader query(call.target);
  const std::string after = query.optional_text("after").value_or("");
  const auto limit = static_cast<std::size_t>(query.optional_integer("limit", 1, 1'000).value_or(100));
  if (auto problem = query.problem()) co_return *problem;
  // Pages are of what the caller may see, so a page of the registry may give none of theirs.
  std::vector<DeviceRecord> page;
  std::string from = after;
  while (page.size() <= limit) {
    auto next = call.services.devices.list(from, limit + 1);
    if (next.empty()) break;
    from = next.back().name;
    std::erase_if(next, [&](const DeviceRecord& device) { return !call.may_see(device.id); });
    page.insert(page.end(), std::make_move_iterator(next.begin()), std::make_move_iterator(next.end()));
  }
  const bool more = page.size() > limit;
  if (more) page.resize(limit);
  json::array devices;
  for (const auto& device : page) devices.push_back(to_json(call, device));
  json::object body;
  body["devices"] = std::move(devices);
  body["next"] = more ? json::value(page.back().name) : json::value(nullptr);
  co_return json_answer(body);
}

boost::asio::awaitable<Answer> get_device(Call& call) {
  co_return json_answer(to_json(call, *call.device));
}

boost::asio::awaitable<Answer> patch_device(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  auto name = body.optional_text("name", {1, 256});
  auto tags = body.optional_texts("tags");
  if (name && !wire::is_device_name(*name)) {
    body.refuse("name", "name must be 1 to 64 letters, digits, spaces and _ . : - without a space at either end");
  }
  if (!name && !tags) body.refuse("name", "nothing to change: give name, tags or both");
  if (auto problem = body.problem()) co_return *problem;
  const DeviceId device = call.device->id;
  DeviceRegistry& devices = call.services.devices;
  if (name && *name != call.device->name) {
    auto start = [&devices, device, to = *name](auto done) { devices.rename(device, to, done); };
    const auto renamed = co_await answer_of<Outcome<bool>>(std::move(start));
    if (!renamed) co_return renamed.error();
  }
  if (tags) {
    auto start = [&devices, device, to = *tags](auto done) { devices.set_tags(device, to, done); };
    const auto tagged = co_await answer_of<Outcome<bool>>(std::move(start));
    if (!tagged) co_return tagged.error();
  }
  const auto now = devices.find(device.str());
  if (!now) co_return Problem{errc::not_found, "the device was removed meanwhile", ""};
  co_return json_answer(to_json(call, *now));
}

boost::asio::awaitable<Answer> delete_device(Call& call) {
  const DeviceId device = call.device->id;
  // The credential first: a device that reconnects between the two steps must already be a stranger.
  auto revoke = [&identity = call.services.identity, device](auto done) { identity.revoke_device(device, done); };
  const auto revoked = co_await answer_of<Outcome<bool>>(std::move(revoke));
  if (!revoked) co_return revoked.error();
  auto remove = [&devices = call.services.devices, device](auto done) { devices.remove(device, done); };
  const auto removed = co_await answer_of<Outcome<bool>>(std::move(remove));
  if (!removed) co_return removed.error();
  call.services.links.close(device, 4001, "this device was removed");
  co_return empty_answer();
}

boost::asio::awaitable<Answer> revoke_device(Call& call) {
  const DeviceId device = call.device->id;
  auto revoke = [&identity = call.services.identity, device](auto done) { identity.revoke_device(device, done); };
  const auto revoked = co_await answer_of<Outcome<bool>>(std::move(revoke));
  if (!revoked) co_return revoked.error();
  co_return empty_answer();
}

boost::asio::awaitable<Answer> list_commands(Call& call) {
  json::array commands;
  for (const auto& command : call.device->commands) {
    json::object out;
    out["name"] = command.name;
    out["title"] = command.title;
    out["arguments_schema"] = schema_of(command);
    out["confirm"] = command.confirm;
    out["role"] = command.role;
    commands.push_back(std::move(out));
  }
  json::object body;
  body["commands"] = std::move(commands);
  co_return json_answer(body);
}

}  // namespace hub::web
