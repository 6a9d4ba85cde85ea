// Lets coroutines of one core wait until something changes.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace hub::live {

/// Wakes all who wait. On one single-threaded core: look at the condition, then wait, with no other await between. Must
/// outlive its waiters.
class Signal {
 public:
  explicit Signal(boost::asio::any_io_executor executor) : timer_(std::move(executor)) {
    timer_.expires_at(boost::asio::steady_timer::time_point::max());
  }
  void notify() { timer_.cancel(); }
  boost::asio::awaitable<void> wait() { co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable)); }

 private:
  boost::asio::steady_timer timer_;
};

}  // namespace hub::live
