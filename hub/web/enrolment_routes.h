// Making enrolment tokens, and redeeming them.
#pragma once

#include <boost/json/object.hpp>

#include "hub/web/call.h"

namespace hub::web {

boost::asio::awaitable<Answer> post_enrolment(Call& call);
boost::asio::awaitable<Answer> redeem_enrolment(Call& call);

/// What a device gets that was let in, whichever way.
boost::json::object grant_json(const Call& call, const DeviceGrant& grant);

inline constexpr char kDeviceNameForm[] =
    "name must be 1 to 64 letters, digits, spaces and _ . : - without a space at either end";

}  // namespace hub::web
