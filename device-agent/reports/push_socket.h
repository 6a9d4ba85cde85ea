// The Unix socket of [push] as the file system has it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <optional>
#include <string>

namespace agent {

/// Listens at `path`, mode 0660, owned by `group` (empty: as it comes). A socket that an agent has left behind is taken
/// over; one that is served is not. Nothing: `problem` says why.
std::optional<boost::asio::local::stream_protocol::acceptor> listen_at(const boost::asio::any_io_executor& executor,
                                                                       const std::string& path,
                                                                       const std::string& group, std::string& problem);

/// Connects; -1: errno says why.
int connect_to(const std::string& path);

}  // namespace agent
