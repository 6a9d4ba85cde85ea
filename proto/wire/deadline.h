// A stage's time limit: cancels what the stream waits for when it passes. Private to wire.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>

#include "wire/tls_stream.h"

namespace wire {

/// Lives beside the operation it limits, on the same thread. After it fired, pending operations have ended with
/// operation_aborted and `fired()` tells why. Ends with its scope.
class Deadline {
 public:
  Deadline(TlsStream& stream, std::chrono::milliseconds limit)
      : timer_(stream.socket().get_executor(), limit), state_(std::make_shared<State>(State{&stream, false})) {
    timer_.async_wait([state = state_](base::error_code ec) {
      if (ec || state->stream == nullptr) return;
      state->fired = true;
      state->stream->cancel();
    });
  }
  ~Deadline() { state_->stream = nullptr; }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  bool fired() const { return state_->fired; }

 private:
  struct State {
    TlsStream* stream;
    bool fired;
  };
  boost::asio::steady_timer timer_;
  std::shared_ptr<State> state_;
};

}  // namespace wire
