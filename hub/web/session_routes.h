// First set-up, signing in and out.
#pragma once

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> get_setup(Call& call);
boost::asio::awaitable<Answer> post_setup(Call& call);
boost::asio::awaitable<Answer> post_session(Call& call);
boost::asio::awaitable<Answer> get_session(Call& call);
boost::asio::awaitable<Answer> delete_session(Call& call);
boost::asio::awaitable<Answer> put_password(Call& call);

/// A sign-in: who it is (from now on call.who), and the cookie.
wire::HttpResponse signed_in(Call& call, const SessionGrant& grant);

}  // namespace hub::web
