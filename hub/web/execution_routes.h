// Commands to devices and what became of them.
#pragma once

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> post_execution(Call& call);
boost::asio::awaitable<Answer> list_executions(Call& call);
boost::asio::awaitable<Answer> get_execution(Call& call);
boost::asio::awaitable<Answer> cancel_execution(Call& call);

}  // namespace hub::web
