#include "hub/web/alert_routes.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "hub/web/body_reader.h"
#include "hub/web/entity_tag.h"
#include "hub/web/query_reader.h"

namespace hub::web {
namespace {

namespace json = boost::json;

constexpr std::size_t kAlertsLookedAt = 10'000;  // by who is bound by groups

wire::HttpResponse rule_answer(const AlertRuleRecord& rule, int status) {
  auto response = json_answer(to_json(rule), status);
  set_header(response, "ETag", entity_tag(rule.version));
  return response;
}

json::value alert_json(const Call& call, const AlertRecord& alert) {
  json::value out = to_json(alert);
  const auto device = call.services.devices.find(alert.device.str());
  out.as_object()["device_name"] = device ? json::value(device->name) : json::value(nullptr);
  return out;
}

/// Who is bound by groups sees the rules that may concern a device of theirs: those for every device, too.
bool may_see_rule(const Call& call, const AlertRuleRecord& rule) {
  return rule.devices.empty() ||
         std::ranges::any_of(rule.devices, [&](const std::string& device) { return call.may_see(DeviceId(device)); });
}

/// A rule reaches into devices, so all that it names must be the caller's, and "every device" is nobody's who is bound
/// by groups. `rule` as its writer put it: names or ids.
Outcome<void> may_manage_rule(const Call& call, const AlertRuleRecord& rule) {
  if (sees_every_device(call.who)) return {};
  if (rule.devices.empty()) {
    return Problem{errc::forbidden, "a rule for every device needs a user who sees every device: name devices",
                   "/scope/devices"};
  }
  for (std::size_t i = 0; i < rule.devices.size(); ++i) {
    const auto device = call.services.devices.find(rule.devices[i]);
    if (device && call.may_see(device->id)) continue;
    return Problem{errc::invalid_argument, "there is no device \"" + rule.devices[i] + "\"",
                   "/scope/devices/" + std::to_string(i)};
  }
  return {};
}

Problem not_all_theirs() {
  return {errc::forbidden, "this rule is also for devices that are in none of your groups", ""};
}

/// Something changed between the client's read and its write.
struct Stale {
  std::uint32_t version = 0;
};
wire::HttpResponse stale_answer(const Call& call, std::uint32_t version) {
  return problem_answer(
      412, "precondition_failed", "Changed meanwhile",
      "If-Match does not name version " + std::to_string(version) + ", which is the rule's now; read it again",
      call.request_id);
}

}  // namespace

boost::asio::awaitable<Answer> list_rules(Call& call) {
  auto list = [&alerts = call.services.alerts]() -> Outcome<std::vector<AlertRuleRecord>> { return alerts.rules(); };
  const auto found = co_await on_control(call, std::move(list));
  if (!found) co_return found.error();
  json::array rules;
  for (const auto& rule : *found) {
    if (may_see_rule(call, rule)) rules.push_back(to_json(rule));
  }
  json::object body;
  body["rules"] = std::move(rules);
  co_return json_answer(body);
}

boost::asio::awaitable<Answer> post_rule(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  auto rule = alert_rule_from_json(*parsed);
  if (!rule) co_return rule.error();
  if (auto allowed = may_manage_rule(call, *rule); !allowed) co_return allowed.error();
  auto create = [&alerts = call.services.alerts, rule = *rule] { return alerts.create_rule(rule); };
  const auto made = co_await on_control(call, std::move(create));
  if (!made) co_return made.error();
  auto response = rule_answer(*made, 201);
  set_header(response, "Location", "/api/v1/alert-rules/" + made->id.str());
  co_return response;
}

boost::asio::awaitable<Answer> get_rule(Call& call) {
  auto get = [&alerts = call.services.alerts, id = RuleId(call.path["rule"])] { return alerts.rule(id); };
  const auto found = co_await on_control(call, std::move(get));
  if (!found) co_return found.error();
  if (!may_see_rule(call, *found)) co_return no_such("rule " + call.path["rule"]);
  co_return rule_answer(*found, 200);
}

boost::asio::awaitable<Answer> put_rule(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  auto rule = alert_rule_from_json(*parsed);
  if (!rule) co_return rule.error();
  rule->id = RuleId(call.path["rule"]);
  if (auto allowed = may_manage_rule(call, *rule); !allowed) co_return allowed.error();
  std::optional<Stale> stale;
  auto update = [&call, &stale, rule = *rule]() -> Outcome<AlertRuleRecord> {
    const auto now = call.services.alerts.rule(rule.id);
    if (!now) return now.error();
    if (!may_see_rule(call, *now)) return no_such("rule " + rule.id.str());
    if (auto allowed = may_manage_rule(call, *now); !allowed) return not_all_theirs();
    if (!if_match(call.request.header("If-Match"), now->version)) {
      stale = Stale{now->version};
      return *now;
    }
    return call.services.alerts.update_rule(rule, now->version);
  };
  const auto updated = co_await on_control(call, std::move(update));
  if (!updated) co_return updated.error();
  if (stale) co_return stale_answer(call, stale->version);
  co_return rule_answer(*updated, 200);
}

boost::asio::awaitable<Answer> delete_rule(Call& call) {
  std::optional<Stale> stale;
  auto remove = [&call, &stale, id = RuleId(call.path["rule"])]() -> Outcome<bool> {
    const auto now = call.services.alerts.rule(id);
    if (!now) return now.error();
    if (!may_see_rule(call, *now)) return no_such("rule " + id.str());
    if (auto allowed = may_manage_rule(call, *now); !allowed) return not_all_theirs();
    if (!if_match(call.request.header("If-Match"), now->version)) {
      stale = Stale{now->version};
      return false;
    }
    return call.services.alerts.remove_rule(id);
  };
  const auto removed = co_await on_control(call, std::move(remove));
  if (!removed) co_return removed.error();
  if (stale) co_return stale_answer(call, stale->version);
  co_return empty_answer();
}

boost::asio::awaitable<Answer> list_alerts(Call& call) {
  QueryReader query(call.target);
  const std::string wished = query.optional_text("state").value_or("");
  const auto limit = static_cast<std::size_t>(query.optional_integer("limit", 1, 1'000).value_or(100));
  int state = 0;
  if (wished == "firing") state = static_cast<int>(AlertState::firing);
  if (wished == "resolved") state = static_cast<int>(AlertState::resolved);
  if (state == 0 && !wished.empty()) query.refuse("state", "state must be firing or resolved");
  if (auto problem = query.problem()) co_return *problem;
  // Of many devices' alerts, the newest of the caller's: the store knows no groups.
  const std::size_t looked_at = sees_every_device(call.who) ? limit : kAlertsLookedAt;
  auto list = [&alerts = call.services.alerts, state, looked_at] { return alerts.alerts(state, looked_at); };
  auto found = co_await on_control(call, std::move(list));
  if (!found) co_return found.error();
  std::erase_if(*found, [&](const AlertRecord& alert) { return !call.may_see(alert.device); });
  if (found->size() > limit) found->resize(limit);
  json::array alerts;
  for (const auto& alert : *found) alerts.push_back(alert_json(call, alert));
  json::object body;
  body["alerts"] = std::move(alerts);
  co_return json_answer(body);
}

boost::asio::awaitable<Answer> get_alert(Call& call) {
  auto get = [&alerts = call.services.alerts, id = AlertId(call.path["alert"])] { return alerts.alert(id); };
  const auto found = co_await on_control(call, std::move(get));
  if (!found) co_return found.error();
  if (!call.may_see(found->device)) co_return no_such("alert " + call.path["alert"]);
  co_return json_answer(alert_json(call, *found));
}

boost::asio::awaitable<Answer> post_acknowledgement(Call& call) {
  auto parsed = parse_json(call.request.body);
  if (!parsed) co_return parsed.error();
  BodyReader body(*parsed);
  const std::string note = body.optional_text("note", {0, 1'024}).value_or("");
  if (auto problem = body.problem()) co_return *problem;
  auto acknowledge = [&call, note, id = AlertId(call.path["alert"])]() -> Outcome<AlertRecord> {
    const auto found = call.services.alerts.alert(id);
    if (!found) return found.error();
    if (!call.may_see(found->device)) return no_such("alert " + id.str());
    return call.services.alerts.acknowledge(id, call.who.name, note);
  };
  const auto acknowledged = co_await on_control(call, std::move(acknowledge));
  if (!acknowledged) co_return acknowledged.error();
  co_return json_answer(alert_json(call, *acknowledged));
}

}  // namespace hub::web
