#include "connection.h"

#include <sys/epoll.h>

#include <array>

namespace bench {
namespace {

std::array<char, 256 * 1024> receive_buffer;  // one thread, used within one call

}  // namespace

Connection::Connection(EventLoop& loop, Receipts& receipts, ConnectionOwner& owner, std::unique_ptr<Session> session)
    : loop_(loop), receipts_(receipts), owner_(owner), session_(std::move(session)) {}

Connection::~Connection() {
  close();
}

void Connection::open(const Target& target, unsigned source) {
  target_ = target;
  socket_ = std::make_unique<Socket>(target.port, source, target.receive_buffer_bytes);
  state_ = State::connecting;
  watches_writing_ = true;
  loop_.add(socket_->fd(), EPOLLOUT, *this);
}

void Connection::stall() {
  if (state_ != State::open) return;
  state_ = State::stalled;
  loop_.change(socket_->fd(), 0, *this);
}

void Connection::close() {
  if (socket_) loop_.remove(socket_->fd());
  socket_.reset();
  state_ = State::ended;
}

void Connection::end(const std::string& why) {
  close();
  owner_.ended(*this, why);
}

void Connection::watch(bool for_writing) {
  if (std::exchange(watches_writing_, for_writing) == for_writing) return;
  loop_.change(socket_->fd(), for_writing ? EPOLLIN | EPOLLOUT : EPOLLIN, *this);
}

void Connection::on_events(std::uint32_t events) {
  switch (state_) {
    case State::connecting:
      return connected();
    case State::greeted:
      return receive();
    case State::shaking_hands:
      return shake_hands();
    case State::open:
      if ((events & EPOLLOUT) != 0) flush();
      if (state_ == State::open && (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) receive();
      return;
    case State::stalled:
      return end("closed by the server");  // what comes without being asked for: an error, or the end of both ways
    default:
      return;
  }
}

void Connection::connected() {
  if (!socket_->is_connected()) return end("refused");
  watch(false);
  if (session_->greeting({})) {
    state_ = State::greeted;
  } else if (target_.tls != nullptr) {
    socket_->begin_tls(*target_.tls);
    state_ = State::shaking_hands;
    shake_hands();
  } else {
    opened();
  }
}

void Connection::shake_hands() {
  switch (socket_->handshake()) {
    case Socket::Progress::done:
      return opened();
    case Socket::Progress::wants_read:
      return watch(false);
    case Socket::Progress::wants_write:
      return watch(true);
    case Socket::Progress::failed:
      return end("no TLS handshake");
  }
}

void Connection::opened() {
  state_ = State::open;
  session_->start(out_);
  flush();
}

void Connection::receive() {
  const auto n = socket_->read(receive_buffer.data(), receive_buffer.size());
  if (!n) return end("lost");
  if (*n == 0) return;
  receipts_.now = now_ns();
  std::string_view bytes(receive_buffer.data(), *n);
  if (!in_.empty()) {
    in_ += bytes;
    bytes = in_;
  }
  if (state_ == State::greeted) {
    const std::size_t greeting = session_->greeting(bytes).value_or(0);
    if (greeting == 0) {
      in_ = std::string(bytes);
      return;
    }
    in_.clear();
    if (target_.tls == nullptr) return opened();
    socket_->begin_tls(*target_.tls);
    state_ = State::shaking_hands;
    return shake_hands();
  }
  const auto taken = session_->take(bytes, out_, receipts_);
  if (!taken) return end(session_->problem());
  if (*taken == bytes.size()) {
    std::string().swap(in_);
  } else {
    in_ = std::string(bytes.substr(*taken));
  }
  if (waiting_bytes() > 0) flush();
  if (state_ == State::open && !told_ready_ && session_->is_ready()) {
    told_ready_ = true;
    owner_.ready(*this);
  }
}

void Connection::flush() {
  if (state_ != State::open) return;
  if (waiting_bytes() > 0) {
    const auto taken = socket_->write(std::string_view(out_).substr(sent_));
    if (!taken) return end("lost");
    sent_ += *taken;
  }
  if (waiting_bytes() == 0) {
    out_.clear();
    sent_ = 0;
    if (out_.capacity() > 64 * 1024) out_.shrink_to_fit();
  }
  watch(waiting_bytes() > 0);
  if (!told_ready_ && session_->is_ready()) {
    told_ready_ = true;
    owner_.ready(*this);
  }
}

}  // namespace bench
