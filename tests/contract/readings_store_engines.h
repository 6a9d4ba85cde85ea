// The engines over which the contract of ReadingsStore is run.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <thread>

#include "hub/storage/sqlite/sqlite_readings_store.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/readings_client.h"
#include "tests/fakes/temp_folder.h"

namespace contract {

/// What a test may ask of any engine.
struct StoreSettings {
  std::size_t tail_max_bytes = 256 * 1024 * 1024;
  std::int64_t seal_interval_us = 600'000'000;
  std::size_t pending_max_bytes = 64 * 1024 * 1024;
  std::size_t retained_journal_bytes = 256 * 1024 * 1024;
  std::int64_t retained_journal_us = 900'000'000;
  std::function<std::uint64_t(const std::string&)> free_bytes;
  std::size_t low_water_bytes = 1;
  std::int64_t query_limit_us = 30'000'000;
};

struct Engine {
  std::string name;
  std::function<std::unique_ptr<hub::ReadingsStore>(const std::string& folder, const StoreSettings&, const base::Clock&,
                                                    base::Random&)>
      open;
};
inline std::ostream& operator<<(std::ostream& out, const Engine& engine) {
  return out << engine.name;
}

inline Engine sqlite_engine() {
  return {"sqlite",
          [](const std::string& folder, const StoreSettings& settings, const base::Clock& clock,
             base::Random& random) -> std::unique_ptr<hub::ReadingsStore> {
            hub::sqlite::ReadingsOptions options;
            options.folder = folder;
            options.tail_max_bytes = settings.tail_max_bytes;
            options.seal_interval_us = settings.seal_interval_us;
            options.pending_max_bytes = settings.pending_max_bytes;
            options.retained_journal_bytes = settings.retained_journal_bytes;
            options.retained_journal_us = settings.retained_journal_us;
            options.commit_window_us = 200;
            options.low_water_bytes = settings.low_water_bytes;
            options.free_bytes = settings.free_bytes;
            options.query_limit_us = settings.query_limit_us;
            // Devices that change their group from day to day: days lie in two files each.
            options.retention.classes["odd"];
            options.class_of = [&clock](hub::SeriesId series) {
              const std::int64_t day = clock.now_us() / 86'400'000'000;
              return (hub::raw(series) + static_cast<std::uint64_t>(day)) % 2 == 1 ? "odd" : "default";
            };
            auto store = hub::sqlite::open_readings_store(options, clock, random);
            if (!store) {
              ADD_FAILURE() << store.error().detail;
              return nullptr;
            }
            return std::move(*store);
          }};
}

inline auto engines() {
  return ::testing::Values(sqlite_engine());
}

/// A store in a folder of its own, which can be closed and opened again.
class StoreUnderTest {
 public:
  explicit StoreUnderTest(const Engine& engine, StoreSettings settings = {})
      : engine_(engine), settings_(std::move(settings)) {
    open();
  }
  void open() {
    store_ = engine_.open(folder_.path(), settings_, clock_, random_);
    if (!store_) throw std::runtime_error("the store does not open");
  }
  void restart() {
    store_.reset();
    open();
  }
  void change(StoreSettings settings) {
    settings_ = std::move(settings);
    restart();
  }
  const StoreSettings& settings() const { return settings_; }
  hub::ReadingsStore& operator*() { return *store_; }
  hub::ReadingsStore* operator->() { return store_.get(); }
  fakes::ReadingsClient client() { return fakes::ReadingsClient(*store_); }
  fakes::ManualClock& clock() { return clock_; }
  const std::string& folder() const { return folder_.path(); }

  /// Lets the interval pass, stores one frame of a stream of its own, and waits until everything before it is sealed.
  void seal() {
    clock_.advance(settings_.seal_interval_us);
    const hub::CommitNumber head = store_->head().commit;
    ++sealer_sequence_;
    const auto stored = client().append(fakes::number_frame(fakes::stream_of("sealer"), sealer_sequence_,
                                                            hub::SeriesId{9'999}, {sealer_sequence_}, {1}));
    if (!stored) throw std::runtime_error("the store does not take frames");
    wait_until([&] { return store_->status().sealed_through >= head; });
  }

  /// Lets days end, seals, and waits until the engine has put away what it then puts away (partitions).
  void compact() {
    clock_.advance(3 * std::int64_t{86'400'000'000});
    seal();
    const hub::CommitNumber sealed = store_->status().sealed_through;
    wait_until([&] { return store_->status().compacted_through >= sealed; });
  }

  static void wait_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + fakes::kReplyDeadline;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("waited in vain");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

 private:
  Engine engine_;
  StoreSettings settings_;
  fakes::TempFolder folder_;
  fakes::ManualClock clock_;
  base::SeededRandom random_{42};
  std::unique_ptr<hub::ReadingsStore> store_;
  std::int64_t sealer_sequence_ = 0;
};

}  // namespace contract
