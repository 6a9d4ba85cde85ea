// The hub itself: state, health, metrics, the API's document.
#pragma once

#include <functional>

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> get_hub(Call& call);
boost::asio::awaitable<Answer> get_health(Call& call);
boost::asio::awaitable<Answer> get_readiness(Call& call);
boost::asio::awaitable<Answer> get_metrics(Call& call);
/// Who may read the metrics: this machine without a credential (its own Prometheus), others as read_hub says.
Outcome<void> may_read_metrics(const std::string& remote_address, const std::function<Outcome<Principal>()>& sign_in);
boost::asio::awaitable<Answer> get_openapi(Call& call);

}  // namespace hub::web
