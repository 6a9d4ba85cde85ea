// The hub's own store as an engine. Its clock follows the data, so that it seals and ends days as it does in the
// product, only sooner.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "hub/storage/sqlite/sqlite_readings_store.h"
#include "tests/bench/storage/engine.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/readings_client.h"

namespace bench {

class HubEngine final : public Engine {
 public:
  explicit HubEngine(EngineOptions options);

  void prepare(std::vector<Frame> frames) override;
  /// Two batches are under way at a time: one is being committed, the next one waits and becomes the next group.
  void store() override;
  void seal() override;
  bool compact() override;
  void close() override;
  void open() override;
  void forget_cached() override;
  std::uint64_t commits() const override;
  Sizes sizes() override;
  std::size_t latest(std::span<const std::uint32_t> series) override;
  std::vector<Reading> raw(std::uint32_t series, std::int64_t from_us, std::int64_t to_us) override;
  std::vector<Bucket> buckets(std::uint32_t series, std::int64_t from_us, std::int64_t to_us,
                              std::uint32_t width) override;
  std::uint64_t expire(std::int64_t before_us) override;

  /// For load at a chosen pace, instead of `store`: the prepared frames one by one, in order. `done` comes on a thread
  /// of the store's.
  std::size_t prepared() const { return prepared_.size(); }
  void append_prepared(std::size_t index, std::function<void()> done);
  /// The next commit finds that the interval is over.
  void begin_seal() { clock_.advance(options_.seal_interval_us); }
  std::uint64_t seals() const { return store_->status().seals; }
  /// Throws where an append has failed.
  void check() const;

 private:
  class Batches;
  std::size_t end_of_batch(std::size_t begin) const;
  void advance_to(std::int64_t time_us);
  void wait_for_tail();
  void append(hub::StoredFrame frame, std::function<void()> done);
  /// A reading of a series of its own, by which sealer and keeper notice that the clock has moved.
  void append_marker();
  fakes::ReadingsClient client() { return fakes::ReadingsClient(*store_); }

  const EngineOptions options_;
  fakes::ManualClock clock_;
  base::SystemRandom random_;
  std::unique_ptr<hub::ReadingsStore> store_;
  std::vector<hub::StoredFrame> prepared_;
  std::map<unsigned, std::uint64_t> sequences_;  // last one by device
  std::uint64_t marker_sequence_ = 0;
  mutable std::mutex mutex_;
  std::string failure_;
};

}  // namespace bench
