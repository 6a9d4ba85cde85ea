// Devices that ask to join without a token; docs/protocol.md, "Credential".
#pragma once

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> post_approval_request(Call& call);
boost::asio::awaitable<Answer> collect_approval(Call& call);
boost::asio::awaitable<Answer> list_approval_requests(Call& call);
boost::asio::awaitable<Answer> approve_request(Call& call);
boost::asio::awaitable<Answer> deny_request(Call& call);

}  // namespace hub::web
