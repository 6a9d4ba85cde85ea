// A socket with a session on it, in an event loop.
#pragma once

#include <memory>
#include <string>

#include "event_loop.h"
#include "session.h"
#include "socket.h"

namespace bench {

class Connection;

class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  /// The session has become ready.
  virtual void ready(Connection& connection) = 0;
  /// It has ended, and does nothing more; may be destroyed later, not within this call.
  virtual void ended(Connection& connection, const std::string& why) = 0;
};

struct Target {
  std::uint16_t port = 0;
  const TlsClient* tls = nullptr;  // null: plain
  int receive_buffer_bytes = 0;    // of the socket; 0: as the system likes
};

/// Holds what the socket does not take; publishers look at waiting_bytes() before they add to it.
class Connection final : public EventReceiver {
 public:
  Connection(EventLoop& loop, Receipts& receipts, ConnectionOwner& owner, std::unique_ptr<Session> session);
  ~Connection() override;

  /// Once. `source`: the last part of the address 127.0.0.N that it comes from.
  void open(const Target& target, unsigned source);
  void close();
  /// Reads and writes nothing more, for good.
  void stall();

  /// Appends by `session()` and its like, then flush().
  std::string& out() { return out_; }
  void flush();
  std::size_t waiting_bytes() const { return out_.size() - sent_; }
  Session& session() { return *session_; }
  bool is_open() const { return state_ == State::open; }
  bool has_ended() const { return state_ == State::ended; }
  std::uint64_t received_bytes() const { return socket_ ? socket_->received_bytes() : 0; }
  std::uint64_t sent_bytes() const { return socket_ ? socket_->sent_bytes() : 0; }

  void on_events(std::uint32_t events) override;

  std::size_t number = 0;  // the owner's

 private:
  enum class State : std::uint8_t { idle, connecting, greeted, shaking_hands, open, stalled, ended };
  void connected();
  void shake_hands();
  void opened();
  void receive();
  void watch(bool for_writing);
  void end(const std::string& why);

  EventLoop& loop_;
  Receipts& receipts_;
  ConnectionOwner& owner_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Socket> socket_;
  Target target_;
  State state_ = State::idle;
  bool watches_writing_ = false, told_ready_ = false;
  std::string in_;  // the beginning of something that is not complete
  std::string out_;
  std::size_t sent_ = 0;  // of out_
};

}  // namespace bench
