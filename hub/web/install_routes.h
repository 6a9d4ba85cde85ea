// The agent for devices without access to anything but this hub.
#pragma once

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> get_install_script(Call& call);
boost::asio::awaitable<Answer> get_agent_package(Call& call);

}  // namespace hub::web
