// A wire::Connection in memory: the test is the peer.
#pragma once

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "wire/connection.h"
#include "wire/errc.h"

namespace fakes {

class ScriptedConnection;

/// The far end. Any thread. What the hub writes arrives at once while `accepting`; otherwise it stays in the
/// connection's backlog until the test takes it, as with a peer whose socket is full.
class ScriptedPeer : public std::enable_shared_from_this<ScriptedPeer> {
 public:
  explicit ScriptedPeer(boost::asio::any_io_executor executor, std::size_t backlog_limit = 256 * 1024)
      : executor_(std::move(executor)), backlog_limit_(backlog_limit), moved_(executor_), drained_(executor_) {
    moved_.expires_at(boost::asio::steady_timer::time_point::max());
    drained_.expires_at(boost::asio::steady_timer::time_point::max());
  }

  void send(std::string message) {
    const std::lock_guard lock(mutex_);
    to_hub_.push_back(std::move(message));
    wake(moved_);
  }
  /// Ends the connection; with a reason: by a close frame, which the other side reads as peer_close().
  void hang_up(wire::CloseReason said = wire::CloseReason(1006)) {
    const std::lock_guard lock(mutex_);
    dead_ = true;
    said_ = std::move(said);
    wake(moved_);
    wake(drained_);
    changed_.notify_all();
  }
  void set_accepting(bool yes) {
    const std::lock_guard lock(mutex_);
    accepting_ = yes;
    if (yes) take_locked(backlog_.size());
  }
  /// Takes so many messages out of the backlog.
  void take(std::size_t messages) {
    const std::lock_guard lock(mutex_);
    take_locked(messages);
  }
  /// The next message the hub has written, within a minute; nothing at the end of the connection.
  std::optional<std::string> receive() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(60), [this] { return !received_.empty() || dead_ || closed_; });
    return pop();
  }
  std::optional<std::string> try_receive() {
    const std::lock_guard lock(mutex_);
    return pop();
  }
  /// Waits for the hub's close; code 1006 where the connection just died, 0 where nothing came within a minute.
  wire::CloseReason wait_for_close() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(60), [this] { return dead_ || closed_; });
    if (!closed_ && !dead_) return {0, "still open"};
    return closed_ ? reason_ : wire::CloseReason{1006, ""};
  }
  bool is_closed() const {
    const std::lock_guard lock(mutex_);
    return dead_ || closed_;
  }
  /// How long the hub would have waited for this side to hear why it was closed.
  std::chrono::milliseconds close_patience() const {
    const std::lock_guard lock(mutex_);
    return patience_;
  }
  std::size_t backlog_bytes() const {
    const std::lock_guard lock(mutex_);
    return backlog_bytes_;
  }
  std::size_t largest_backlog() const {
    const std::lock_guard lock(mutex_);
    return largest_backlog_;
  }
  std::size_t messages_written() const {
    const std::lock_guard lock(mutex_);
    return written_;
  }

 private:
  friend class ScriptedConnection;

  std::optional<std::string> pop() {
    if (received_.empty()) return std::nullopt;
    auto message = std::move(received_.front());
    received_.pop_front();
    return message;
  }
  void take_locked(std::size_t messages) {
    for (; messages > 0 && !backlog_.empty(); --messages) {
      backlog_bytes_ -= backlog_.front().size();
      received_.push_back(std::move(backlog_.front()));
      backlog_.pop_front();
    }
    if (backlog_.empty()) wake(drained_);
    changed_.notify_all();
  }
  void wake(boost::asio::steady_timer& timer) {
    boost::asio::post(executor_, [self = shared_from_this(), &timer] { timer.cancel(); });
  }

  const boost::asio::any_io_executor executor_;
  const std::size_t backlog_limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> to_hub_, backlog_, received_;
  std::size_t backlog_bytes_ = 0, largest_backlog_ = 0, written_ = 0;
  bool accepting_ = true, dead_ = false, closed_ = false;
  wire::CloseReason reason_, said_{1006};
  std::chrono::milliseconds patience_{0};
  boost::asio::steady_timer moved_, drained_;  // used on the executor only
};

class ScriptedConnection final : public wire::Connection {
 public:
  explicit ScriptedConnection(std::shared_ptr<ScriptedPeer> peer) : peer_(std::move(peer)) {}

  wire::Awaitable<wire::error_code> read(std::string& message) override {
    for (;;) {
      {
        const std::lock_guard lock(peer_->mutex_);
        if (peer_->dead_) co_return wire::error_code(wire::errc::closed);
        if (!peer_->to_hub_.empty()) {
          message = std::move(peer_->to_hub_.front());
          peer_->to_hub_.pop_front();
          co_return wire::error_code{};
        }
      }
      co_await peer_->moved_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    }
  }
  wire::error_code write(std::span<const boost::asio::const_buffer> fragments) override {
    const std::lock_guard lock(peer_->mutex_);
    if (peer_->dead_ || peer_->closed_) return wire::errc::closed;
    if (peer_->backlog_bytes_ > peer_->backlog_limit_) return wire::errc::backlog_full;
    std::string message;
    for (const auto& fragment : fragments) message.append(static_cast<const char*>(fragment.data()), fragment.size());
    ++peer_->written_;
    if (peer_->accepting_ && peer_->backlog_.empty()) {
      peer_->received_.push_back(std::move(message));
      peer_->changed_.notify_all();
    } else {
      peer_->backlog_bytes_ += message.size();
      peer_->largest_backlog_ = std::max(peer_->largest_backlog_, peer_->backlog_bytes_);
      peer_->backlog_.push_back(std::move(message));
    }
    return {};
  }
  std::size_t backlog_bytes() const override { return peer_->backlog_bytes(); }
  wire::Awaitable<wire::error_code> drained() override {
    for (;;) {
      {
        const std::lock_guard lock(peer_->mutex_);
        if (peer_->dead_) co_return wire::error_code(wire::errc::closed);
        if (peer_->backlog_.empty()) co_return wire::error_code{};
      }
      co_await peer_->drained_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    }
  }
  wire::Awaitable<void> close(wire::CloseReason reason, std::chrono::milliseconds patience) override {
    {
      const std::lock_guard lock(peer_->mutex_);
      peer_->patience_ = patience;
      if (!peer_->dead_ && !std::exchange(peer_->closed_, true)) peer_->reason_ = std::move(reason);
    }
    abort();
    co_return;
  }
  void abort() override {
    const std::lock_guard lock(peer_->mutex_);
    peer_->dead_ = true;
    peer_->wake(peer_->moved_);
    peer_->wake(peer_->drained_);
    peer_->changed_.notify_all();
  }
  boost::asio::any_io_executor executor() override { return peer_->executor_; }
  std::string remote_address() const override { return "127.0.0.1"; }
  wire::CloseReason peer_close() const override {
    const std::lock_guard lock(peer_->mutex_);
    return peer_->said_;
  }
  std::string subprotocol() const override { return "telemetry.live.v1"; }

 private:
  std::shared_ptr<ScriptedPeer> peer_;
};

}  // namespace fakes
