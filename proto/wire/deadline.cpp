#include "wire/deadline.h"

#include <cstdint>
#include <utility>

namespace wire {

struct Deadline::State {
  explicit State(const boost::asio::any_io_executor& executor) : timer(executor) {}
  boost::asio::steady_timer timer;
  std::function<void()> on_expiry;
  std::uint64_t generation = 0;  // a wait that fired before it was cancelled recognises that it is stale
};

Deadline::Deadline(const boost::asio::any_io_executor& executor) : state_(std::make_shared<State>(executor)) {}

Deadline::~Deadline() {
  disarm();
}

void Deadline::arm(std::chrono::steady_clock::duration after, std::function<void()> on_expiry) {
  const auto generation = ++state_->generation;
  state_->on_expiry = std::move(on_expiry);
  state_->timer.expires_after(after);
  state_->timer.async_wait([state = state_, generation](const boost::system::error_code& ec) {
    if (ec || generation != state->generation) return;
    const auto expired = std::exchange(state->on_expiry, nullptr);
    expired();
  });
}

void Deadline::disarm() {
  if (!state_->on_expiry) return;
  ++state_->generation;
  state_->on_expiry = nullptr;
  state_->timer.cancel();
}

}  // namespace wire
