// API tokens: everybody their own; an admin sees and removes everybody's. Tickets: one live stream each.
#pragma once

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> list_tokens(Call& call);
boost::asio::awaitable<Answer> post_token(Call& call);
boost::asio::awaitable<Answer> delete_token(Call& call);
boost::asio::awaitable<Answer> post_ticket(Call& call);

}  // namespace hub::web
