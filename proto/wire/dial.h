// From a name to a connected socket. Private to wire.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace wire {

using Addresses = std::vector<boost::asio::ip::address>;
/// Asks for the addresses of a name and blocks until they are known.
using LookUp = std::function<base::Result<Addresses>(const std::string& host)>;
base::Result<Addresses> look_up_by_system(const std::string& host);

/// The addresses of a host, anew at each call (they may change), at most 8, the two families in turn (RFC 8305). The
/// system's look-up blocks and cannot be interrupted, so each runs on a thread of its own, which is left behind when
/// `limit` is over or the caller is cancelled: nobody ever waits for it, not even the end of the process. At most 16
/// such threads exist; while there are that many, further look-ups wait, within their own limit. Literal addresses and
/// localhost need none.
boost::asio::awaitable<base::Result<Addresses>> resolve(std::string host, std::chrono::milliseconds limit,
                                                        LookUp look_up = look_up_by_system);

/// Connects to whichever address answers first. The next one is tried once the one before has failed or been silent for
/// 250 ms. `limit` is for all of them together; `detail` then says what became of each.
boost::asio::awaitable<base::Result<boost::asio::ip::tcp::socket>> dial(
    std::vector<boost::asio::ip::tcp::endpoint> endpoints, std::chrono::milliseconds limit, std::string& detail);

}  // namespace wire
