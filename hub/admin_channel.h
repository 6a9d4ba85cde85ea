// The way from the command line into a hub that serves: a Unix socket in the data folder, for its owner only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "hub/admin_operations.h"

namespace spdlog {
class logger;
}

namespace hub {

/// Answers one JSON line with one JSON line ({"ok": {…}} or {"problem": {"name", "detail", "field"}}), then closes.
/// Lives on the executor of App's own context. At most 16 connections, 64 KB a line and 15 s each; past 16 the socket
/// is closed at once. Ends with stop(), which removes the socket and waits for what is being answered.
class AdminChannel {
 public:
  AdminChannel(boost::asio::io_context& context, std::string folder, const AdminOperations& operations,
               std::shared_ptr<spdlog::logger> log);
  ~AdminChannel();
  Outcome<bool> start();
  boost::asio::awaitable<void> stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Asks the hub that serves `folder`; blocks for at most 30 s. Problem unavailable: nobody answers there.
Outcome<boost::json::object> ask_running_hub(const std::string& folder, const boost::json::object& request);

}  // namespace hub
