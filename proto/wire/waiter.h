// Lets one coroutine wait for something that a plain callback announces.
#pragma once

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cassert>
#include <optional>
#include <utility>

namespace wire {

/// At most one coroutine waits at a time. One thread. wait() answers false where the coroutine was cancelled: what it
/// waited for goes on without it.
class Waiter {
 public:
  boost::asio::awaitable<bool> wait() {
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(bool)>(Start{this},
                                                                                         boost::asio::use_awaitable);
  }

  /// Resumes the coroutine inside this call; the waiter itself may be gone when it returns.
  void wake() {
    if (handler_) take()(true);
  }

  /// Drops the waiting coroutine without resuming it: its io_context is being destroyed.
  void drop() {
    if (handler_) take();
  }

 private:
  using Handler = boost::asio::async_result<boost::asio::use_awaitable_t<>, void(bool)>::handler_type;

  struct Start {
    Waiter* self;
    void operator()(Handler handler) const {
      assert(!self->handler_);
      self->handler_.emplace(std::move(handler));
      auto slot = boost::asio::get_associated_cancellation_slot(*self->handler_);
      if (slot.is_connected()) {
        slot.assign([waiter = self](boost::asio::cancellation_type type) { waiter->cancelled(type); });
      }
    }
  };

  void cancelled(boost::asio::cancellation_type type) {
    if (type == boost::asio::cancellation_type::none || !handler_) return;
    auto executor = handler_->get_executor();
    // Posted, because whoever cancels must not find itself inside the coroutine. The slot is running: not cleared.
    Handler handler = std::move(*handler_);
    handler_.reset();
    boost::asio::post(executor, [h = std::move(handler)]() mutable { h(false); });
  }

  Handler take() {
    auto slot = boost::asio::get_associated_cancellation_slot(*handler_);
    if (slot.is_connected()) slot.clear();
    Handler handler = std::move(*handler_);
    handler_.reset();
    return handler;
  }

  std::optional<Handler> handler_;
};

}  // namespace wire
