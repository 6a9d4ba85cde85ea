// Devices: list, look, rename, tag, revoke, remove; the commands they declared.
#pragma once

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> list_devices(Call& call);
boost::asio::awaitable<Answer> get_device(Call& call);
boost::asio::awaitable<Answer> patch_device(Call& call);
boost::asio::awaitable<Answer> delete_device(Call& call);
boost::asio::awaitable<Answer> revoke_device(Call& call);
boost::asio::awaitable<Answer> list_commands(Call& call);

}  // namespace hub::web
