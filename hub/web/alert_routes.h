// Alert rules and alerts.
#pragma once

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> list_rules(Call& call);
boost::asio::awaitable<Answer> post_rule(Call& call);
boost::asio::awaitable<Answer> get_rule(Call& call);
boost::asio::awaitable<Answer> put_rule(Call& call);
boost::asio::awaitable<Answer> delete_rule(Call& call);
boost::asio::awaitable<Answer> list_alerts(Call& call);
boost::asio::awaitable<Answer> get_alert(Call& call);
boost::asio::awaitable<Answer> post_acknowledgement(Call& call);

}  // namespace hub::web
