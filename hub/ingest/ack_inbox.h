// Brings the store's replies home to one core: one post per batch, however many frames a group commit held.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "hub/storage/readings_store.h"

namespace hub {

struct AppendReply {
  std::uint64_t session = 0;
  std::uint32_t stream = 0;  // index in Hello.streams
  std::size_t bytes = 0;     // what the frame took of the budget
  error_code error;
  AppendResult result;
};

/// put() from any thread; `deliver` runs on `executor` with everything that had come. Holds at most one entry per
/// unacknowledged frame, which the ingest budget bounds. Replies after close() are dropped.
class AckInbox {
 public:
  AckInbox(boost::asio::any_io_executor executor, std::function<void(std::vector<AppendReply>&)> deliver)
      : executor_(std::move(executor)), deliver_(std::move(deliver)) {}

  static void put(const std::shared_ptr<AckInbox>& self, AppendReply reply) {
    {
      const std::lock_guard lock(self->mutex_);
      self->waiting_.push_back(std::move(reply));
      if (std::exchange(self->scheduled_, true)) return;
    }
    boost::asio::post(self->executor_, [self] { self->run(); });
  }
  /// On the executor. Nothing is delivered afterwards.
  void close() { deliver_ = nullptr; }

 private:
  void run() {
    {
      const std::lock_guard lock(mutex_);
      scheduled_ = false;
      batch_.swap(waiting_);
    }
    if (deliver_) deliver_(batch_);
    batch_.clear();
  }

  boost::asio::any_io_executor executor_;
  std::function<void(std::vector<AppendReply>&)> deliver_;
  std::mutex mutex_;
  bool scheduled_ = false;
  std::vector<AppendReply> waiting_, batch_;
};

}  // namespace hub
