// The core's end of the bus: items from any thread, handed to the core in batches.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "hub/live/bus.h"

namespace hub::live {

/// Many publishers, one core. The first item of a batch posts to the core once; what comes until the core gets to it
/// joins that batch. Past `capacity_bytes` of commits, or `kMaxItems` of the rest, items are dropped and the batch says
/// so: commits and events are read again from their stores, presence and series from the registry. Shared, since the
/// post to the core holds it, however long that waits.
class BusInbox final : public BusSink, public std::enable_shared_from_this<BusInbox> {
 public:
  static constexpr std::size_t kCapacityBytes = 64 * 1024 * 1024;
  static constexpr std::size_t kMaxItems = 65'536;

  struct Batch {
    std::vector<BusItem> items;
    CommitNumber last_dropped = 0;  // 0: no commit was dropped
    bool dropped_events = false;
    bool dropped_state = false;  // presence or series
  };

  /// `take` runs on `executor`; never after close() has returned there.
  BusInbox(boost::asio::any_io_executor executor, std::function<void(Batch)> take,
           std::size_t capacity_bytes = kCapacityBytes);
  void deliver(const BusItem& item) override;  // any thread
  void close();                                // on the core

 private:
  void hand_over();

  const boost::asio::any_io_executor executor_;
  std::function<void(Batch)> take_;  // the core's
  const std::size_t capacity_bytes_;
  std::mutex mutex_;
  Batch batch_;
  std::size_t commit_bytes_ = 0, others_ = 0;
  bool posted_ = false;
};

}  // namespace hub::live
