// The audit trail, newest first, as JSON or CSV.
#pragma once

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> list_audit(Call& call);

}  // namespace hub::web
