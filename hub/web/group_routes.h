// Groups of devices: list, put, remove.
#pragma once

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> list_groups(Call& call);
boost::asio::awaitable<Answer> get_group(Call& call);
boost::asio::awaitable<Answer> put_group(Call& call);
boost::asio::awaitable<Answer> delete_group(Call& call);

/// Who is bound by groups knows of these only.
bool knows_group(const Principal& who, const std::string& group);

}  // namespace hub::web
