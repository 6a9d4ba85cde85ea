#include "hub/web/poll_mailbox.h"

#include <utility>

namespace hub::web {

using SteadyClock = std::chrono::steady_clock;

PollMailbox::PollMailbox(std::string id, std::string owner, std::string same)
    : id_(std::move(id)), owner_(std::move(owner)), same_(std::move(same)), polled_(SteadyClock::now()) {}

void PollMailbox::open(Wake on_taken) {
  const std::lock_guard lock(mutex_);
  on_taken_ = std::move(on_taken);
}

void PollMailbox::put(LiveBatch batch) {
  Wake wake;
  {
    const std::lock_guard lock(mutex_);
    is_worth_waking_ = is_worth_waking_ || batch.is_worth_waking;
    if (batch.is_worth_waking) bytes_ += batch.messages.size();
    // One that only moves the position needs no place of its own.
    if (batch.messages.empty() && !batches_.empty()) {
      batches_.back().append(std::move(batch));
    } else {
      batches_.push_back(std::move(batch));
    }
    wake = to_wake();
  }
  if (wake) wake();
}

void PollMailbox::end(LiveEnd why, bool leaves) {
  Wake wake;
  {
    const std::lock_guard lock(mutex_);
    if (!end_) end_ = std::move(why);
    is_left_ = is_left_ || leaves;
    if (on_taken_) on_taken_();
    wake = to_wake();
  }
  if (wake) wake();
}

void PollMailbox::close() {
  end({1006, "lost"});
  const std::lock_guard lock(mutex_);
  on_taken_ = nullptr;
}

std::size_t PollMailbox::waiting_bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

bool PollMailbox::is_ended() const {
  const std::lock_guard lock(mutex_);
  return end_.has_value();
}

bool PollMailbox::is_left() const {
  const std::lock_guard lock(mutex_);
  return is_left_;
}

SteadyClock::duration PollMailbox::idle_for() const {
  const std::lock_guard lock(mutex_);
  return waiting_ ? SteadyClock::duration::zero() : SteadyClock::now() - polled_;
}

bool PollMailbox::is_for(std::string_view owner, std::string_view same, std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  if (owner != owner_ || same != same_) return false;
  return number == number_ || (number + 1 == number_ && !answer_.empty());
}

bool PollMailbox::has_answer(std::uint64_t number) const {
  return number != number_ || is_worth_waking_ || end_.has_value();
}

PollMailbox::Wake PollMailbox::to_wake() {
  if (!waiting_ || !has_answer(number_)) return nullptr;
  polled_ = SteadyClock::now();
  return std::exchange(waiting_, std::nullopt)->wake;
}

void PollMailbox::wait(std::uint64_t ticket, std::uint64_t number, Wake wake) {
  std::optional<Waiting> older;
  {
    const std::lock_guard lock(mutex_);
    polled_ = SteadyClock::now();
    older = std::exchange(waiting_, std::nullopt);
    if (!has_answer(number)) {
      waiting_ = Waiting{ticket, std::move(wake)};
      wake = nullptr;
    }
  }
  if (older) older->wake();
  if (wake) wake();
}

void PollMailbox::give_up(std::uint64_t ticket) {
  Wake wake;
  {
    const std::lock_guard lock(mutex_);
    if (!waiting_ || waiting_->ticket != ticket) return;
    polled_ = SteadyClock::now();
    wake = std::exchange(waiting_, std::nullopt)->wake;
  }
  wake();
}

std::optional<std::string> PollMailbox::take(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  if (number + 1 == number_ && !answer_.empty()) return answer_;
  if (number != number_) return std::nullopt;
  std::string().swap(answer_);
  LiveBatch taken;
  taken.phase = phase_;
  taken.position = position_;
  while (!batches_.empty() &&
         (taken.messages.empty() || taken.messages.size() + batches_.front().messages.size() <= kAnswerBytes)) {
    if (batches_.front().is_worth_waking) bytes_ -= batches_.front().messages.size();
    taken.append(std::move(batches_.front()));
    batches_.pop_front();
  }
  position_ = taken.position;
  phase_ = taken.phase;
  if (batches_.empty()) {
    is_worth_waking_ = false;
    if (on_taken_) on_taken_();
  }
  if (!taken.messages.empty()) ++number_;
  taken.position.session = id_;
  taken.position.number = number_;
  std::string text = taken.to_json_begin();
  text += ",\"end\":";
  text += end_ && batches_.empty() ? end_->to_json() : "null";
  text += '}';
  if (!taken.messages.empty()) answer_ = text;
  return text;
}

}  // namespace hub::web
