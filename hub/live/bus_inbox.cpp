#include "hub/live/bus_inbox.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace hub::live {

BusInbox::BusInbox(boost::asio::any_io_executor executor, std::function<void(Batch)> take, std::size_t capacity_bytes)
    : executor_(std::move(executor)), take_(std::move(take)), capacity_bytes_(capacity_bytes) {}

void BusInbox::deliver(const BusItem& item) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto* commit = std::get_if<CommitPtr>(&item)) {
      const std::size_t bytes = (*commit)->size_bytes;
      // After one is dropped the rest of the batch is of no use: the store will be read anyway.
      if (batch_.last_dropped != 0 || (commit_bytes_ != 0 && commit_bytes_ + bytes > capacity_bytes_)) {
        batch_.last_dropped = (*commit)->number;
      } else {
        commit_bytes_ += bytes;
        batch_.items.push_back(item);
      }
    } else if (others_ >= kMaxItems) {
      (std::holds_alternative<EventPtr>(item) ? batch_.dropped_events : batch_.dropped_state) = true;
    } else {
      ++others_;
      batch_.items.push_back(item);
    }
    if (std::exchange(posted_, true)) return;
  }
  boost::asio::post(executor_, [self = shared_from_this()] { self->hand_over(); });
}

void BusInbox::close() {
  take_ = nullptr;
}

void BusInbox::hand_over() {
  Batch batch;
  {
    const std::lock_guard lock(mutex_);
    std::swap(batch, batch_);
    commit_bytes_ = others_ = 0;
    posted_ = false;
  }
  if (take_) take_(std::move(batch));
}

}  // namespace hub::live
