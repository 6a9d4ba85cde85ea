// Series, their readings as JSON or CSV, and gaps.
#pragma once

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> list_series(Call& call);
boost::asio::awaitable<Answer> get_readings(Call& call);
boost::asio::awaitable<Answer> get_many_readings(Call& call);
boost::asio::awaitable<Answer> list_latest(Call& call);
boost::asio::awaitable<Answer> list_gaps(Call& call);

}  // namespace hub::web
