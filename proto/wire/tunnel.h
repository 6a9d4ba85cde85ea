// The way through an HTTP proxy: CONNECT (RFC 9110 §9.3.6). Private to wire.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "wire/connection.h"

namespace wire {

/// Asks the proxy at the other end of `socket` for host:port. The caller bounds the time by closing the socket. At most
/// 16 KiB of an answer's head are read; its status goes into `report`. errc::proxy_refused: it said no;
/// errc::not_a_proxy: what answers does not speak HTTP.
boost::asio::awaitable<error_code> open_tunnel(boost::asio::ip::tcp::socket& socket, const Proxy& proxy,
                                               std::string host, std::uint16_t port, ConnectReport& report);

/// Seconds of a Retry-After header; 0 where there is none, or a date (this machine's clock may be wrong).
std::int64_t retry_after_s(std::string_view header);

}  // namespace wire
