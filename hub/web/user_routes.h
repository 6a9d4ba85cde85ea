// Users and their rights.
#pragma once

#include "hub/web/body_reader.h"
#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> list_users(Call& call);
boost::asio::awaitable<Answer> get_user(Call& call);
boost::asio::awaitable<Answer> post_user(Call& call);
boost::asio::awaitable<Answer> patch_user(Call& call);
boost::asio::awaitable<Answer> put_user_password(Call& call);
boost::asio::awaitable<Answer> delete_user(Call& call);

/// What a user's body may say. A group that there is not would show nothing without a word, so it is refused here.
std::optional<Role> read_role(BodyReader& body);  // refuses what is no role; nothing where the field is missing
std::optional<std::vector<std::string>> read_groups(BodyReader& body, const DeviceRegistry& devices);

}  // namespace hub::web
