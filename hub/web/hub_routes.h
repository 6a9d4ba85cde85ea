// The hub itself: state, health, metrics, the API's document.
#pragma once

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> get_hub(Call& call);
boost::asio::awaitable<Answer> get_health(Call& call);
boost::asio::awaitable<Answer> get_readiness(Call& call);
boost::asio::awaitable<Answer> get_metrics(Call& call);
boost::asio::awaitable<Answer> get_openapi(Call& call);

}  // namespace hub::web
