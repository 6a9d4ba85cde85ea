// The live link where WebSocket is blocked: server-sent events and long polling.
#pragma once

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> get_live_events(Call& call);  // the head; the server goes on with call.live.stream
boost::asio::awaitable<Answer> get_live_poll(Call& call);

}  // namespace hub::web
