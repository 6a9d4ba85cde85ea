// What counts as one address where attempts and connections are limited.
#pragma once

#include <string>
#include <string_view>

namespace hub {

/// "192.0.2.7:4711" → "192.0.2.7"; "[2001:db8::1]:443" → the first 64 bits in hex; what is no address stays as it is.
std::string address_key(std::string_view remote);

}  // namespace hub
