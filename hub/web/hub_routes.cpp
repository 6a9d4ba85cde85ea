#include "hub/web/hub_routes.h"

#include <boost/asio/ip/address.hpp>
#include <boost/json/object.hpp>

#include "hub/web/embedded.h"

namespace hub::web {
namespace {

namespace json = boost::json;

bool is_loopback(const std::string& text) {
  boost::system::error_code ec;
  const auto address = boost::asio::ip::make_address(text, ec);
  if (ec) return false;
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).is_loopback();
  }
  return address.is_loopback();
}

}  // namespace

boost::asio::awaitable<Answer> get_hub(Call& call) {
  const StoreStatus store = call.services.readings.status();
  const HubActivity activity = call.services.activity();
  const std::int64_t now_us = call.services.clock.now_us();
  json::object storage;
  storage["journal_bytes"] = store.journal_bytes;
  storage["recent_bytes"] = store.recent_bytes;
  storage["tail_bytes"] = store.tail_bytes;
  storage["partitions"] = store.partitions;
  storage["partition_bytes"] = store.partition_bytes;
  storage["reserve_bytes"] = store.reserve_bytes;
  storage["readings_stored"] = store.readings_stored;
  storage["frames_stored"] = store.frames_stored;
  storage["frames_duplicate"] = store.frames_duplicate;
  storage["commits"] = store.commits;
  storage["seals_postponed"] = store.seals_postponed;
  if (const auto& forecast = store.forecast) {
    json::value days_left;
    if (forecast->days_left) days_left = *forecast->days_left;
    storage["forecast"] = json::object{{"bytes_per_day", forecast->bytes_per_day}, {"days_left", days_left}};
  } else {
    storage["forecast"] = nullptr;
  }
  json::object rates;
  rates["readings_per_s"] = activity.readings_per_s;
  rates["frames_per_s"] = activity.frames_per_s;
  rates["commits_per_s"] = activity.commits_per_s;
  json::object connections;
  connections["devices"] = activity.devices_connected;
  connections["viewers"] = activity.viewers;
  json::object body;
  body["version"] = TELEMETRY_VERSION;
  body["uptime_s"] = activity.uptime_s;
  body["server_time"] = now_us;
  body["position"] = base::to_base64url(store.head.to_bytes());
  body["devices"] = call.services.devices.count();
  body["storage"] = std::move(storage);
  body["rates"] = std::move(rates);
  body["connections"] = std::move(connections);
  body["memory_bytes"] = activity.memory_bytes;
  body["failure"] = store.failure.empty() ? json::value(nullptr) : json::value(store.failure);
  body["warning"] = store.warning.empty() ? json::value(nullptr) : json::value(store.warning);
  co_return json_answer(body);
}

boost::asio::awaitable<Answer> get_health(Call&) {
  co_return text_answer("ok\n", "text/plain; charset=utf-8");
}

boost::asio::awaitable<Answer> get_readiness(Call& call) {
  if (call.services.ready()) co_return text_answer("ready\n", "text/plain; charset=utf-8");
  const std::string failure = call.services.readings.status().failure;
  co_return text_answer((failure.empty() ? "starting or shutting down" : failure) + "\n", "text/plain; charset=utf-8",
                        503);
}

Outcome<void> may_read_metrics(const std::string& remote_address, const std::function<Outcome<Principal>()>& sign_in) {
  if (is_loopback(remote_address)) return {};
  const auto who = sign_in();
  if (!who) return who.error();
  return authorize(*who, Operation::read_hub);
}

boost::asio::awaitable<Answer> get_metrics(Call& call) {
  const auto allowed = may_read_metrics(call.request.remote_address, [&call] { return call.sign_in(); });
  if (!allowed) co_return allowed.error();
  co_return text_answer(call.services.metrics(), "text/plain; version=0.0.4; charset=utf-8");
}

boost::asio::awaitable<Answer> get_openapi(Call&) {
  wire::HttpResponse response;
  response.static_body = openapi_document();
  set_header(response, "Content-Type", "application/json");
  co_return response;
}

}  // namespace hub::web
