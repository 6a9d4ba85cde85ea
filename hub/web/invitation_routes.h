// Invitations: an admin makes one, whoever holds it becomes a user.
#pragma once

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> list_invitations(Call& call);
boost::asio::awaitable<Answer> post_invitation(Call& call);
boost::asio::awaitable<Answer> delete_invitation(Call& call);
/// What its holder would become. A POST, so that the token is in no address and no log.
boost::asio::awaitable<Answer> look_at_invitation(Call& call);
boost::asio::awaitable<Answer> accept_invitation(Call& call);

}  // namespace hub::web
