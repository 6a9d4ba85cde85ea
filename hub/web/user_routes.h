// Users: list, add, remove.
#pragma once

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> list_users(Call& call);
boost::asio::awaitable<Answer> post_user(Call& call);
boost::asio::awaitable<Answer> delete_user(Call& call);

}  // namespace hub::web
