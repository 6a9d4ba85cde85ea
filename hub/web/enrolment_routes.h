// Making enrolment tokens, and redeeming them.
#pragma once

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> post_enrolment(Call& call);
boost::asio::awaitable<Answer> redeem_enrolment(Call& call);

}  // namespace hub::web
