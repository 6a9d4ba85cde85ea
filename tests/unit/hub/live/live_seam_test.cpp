// The seam: readings are committed all the time, in order and late, while viewers subscribe, zoom, change their rate,
// pause, leave, come back and read slowly, devices come and go, and the hub itself ends and starts. In the end each
// viewer must have every reading of the store exactly once: alone, in a bucket, or in a folded update.
//
// LIVE_SEED repeats a run's choices (threads take turns as they please); LIVE_FRAMES says how long it goes on, and
// TELEMETRY_TESTS_LONG makes it forty rounds.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "tests/unit/hub/live/seam_viewer.h"
#include "tests/unit/hub/live/seam_writer.h"

namespace hub::seam {
namespace {

LiveLimits seam_limits() {
  LiveLimits limits;
  limits.history_part_bytes = 700;
  limits.backlog_bytes = 6 * 1'024;
  limits.tick_us = 1'000;
  limits.stalls_before_conflated = 2;
  return limits;
}

std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
}

class Seam {
 public:
  Seam(SeamHub& hub, std::uint64_t seed) : hub_(hub), dice_(seed), writer_(hub, dice_()) {
    for (int i = 0; i < 5; ++i) viewers_.push_back(std::make_unique<SeamViewer>(hub_, dice_(), i == 4));
  }

  void run(int frames) {
    std::atomic<bool> writing{true};
    std::thread writer([&] {
      writer_.write(frames);
      writing = false;
    });
    while (writing) {
      viewers_[pick(viewers_.size())]->act();
      for (auto& each : viewers_) each->take();
      if (pick(400) == 0) happen();
      std::this_thread::yield();
    }
    writer.join();
    hub_.drops_commits = false;
    for (auto& viewer : viewers_) viewer->settle();
    write_in_calm(frames / 2);
    writer_.write_last();
    expect_store_to_be_the_model();
    expect_equal("at rest");
    for (auto& viewer : viewers_) viewer->come_back();
    writer_.write_last();
    expect_equal("resumed at rest");
    int resumed = 0, slow = 0, restarted = 0, conflated = 0;
    for (const auto& viewer : viewers_) {
      resumed += viewer->resumed();
      slow += viewer->view().was_slow ? 1 : 0;
      restarted += viewer->view().was_restarted ? 1 : 0;
      conflated += viewer->view().was_conflated ? 1 : 0;
    }
    std::printf(
        "%zu readings; %d subscriptions resumed, hub restarted %d times, %d journals replaced; of %zu viewers %d "
        "were slow, %d conflated, %d restarted\n",
        hub_.model.readings(), resumed, restarts_, replaced_, viewers_.size(), slow, conflated, restarted);
  }

 private:
  std::size_t pick(std::size_t n) { return static_cast<std::size_t>(dice_() % n); }

  /// Viewers only read: long enough for ticks to fold something.
  void write_in_calm(int frames) {
    std::atomic<bool> writing{true};
    std::thread writer([&] {
      for (int written = 0; written < frames; written += 50) {
        writer_.write(50);
        std::this_thread::yield();
      }
      writing = false;
    });
    while (writing) {
      for (auto& viewer : viewers_) {
        if (!viewer->take()) viewer->come_back();
      }
      std::this_thread::yield();
    }
    writer.join();
  }

  /// Something that is not a viewer's doing.
  void happen() {
    const std::size_t device = pick(writer_.count());
    switch (pick(10)) {
      case 0: {
        const std::lock_guard lock(writer_.gate);
        if (writer_.count() < 5) writer_.add_device(pick(2) == 0);
        break;
      }
      case 1: {
        const std::lock_guard lock(writer_.gate);
        if (writer_.is_removed(device) || writer_.series_count() > 40) break;
        writer_.add_series(device, "more-" + std::to_string(writer_.series_count()),
                           static_cast<ValueType>(1 + pick(4)));
        break;
      }
      case 2: {
        const std::lock_guard lock(writer_.gate);
        if (device > 1 && !writer_.is_removed(device) && pick(3) == 0) writer_.remove(device);
        break;
      }
      case 3: {
        const std::lock_guard lock(writer_.gate);
        if (!writer_.is_removed(device)) writer_.regroup(device);
        break;
      }
      case 4:
      case 5:
        hub_.drops_commits = !hub_.drops_commits;
        break;
      case 6:
      case 7:
        hub_.clock.advance(static_cast<std::int64_t>(1 + pick(12)) * 1'000'000);
        break;
      case 8:
        if (pick(3) == 0) hub_.clock.advance(31'000'000);  // who takes nothing is closed as slow
        break;
      default:
        restart();
    }
  }

  void restart() {
    const std::lock_guard lock(writer_.gate);
    const bool is_killed = pick(2) == 0;
    if (is_killed) {
      for (auto& viewer : viewers_) viewer->leave();
    }
    hub_.end();
    for (auto& viewer : viewers_) viewer->leave();
    ++restarts_;
    if (!hub_.is_in_memory() && pick(4) == 0) {
      hub_.replace_journal();
      writer_.forget_sequences();
      ++replaced_;
    }
    hub_.start();
    for (auto& viewer : viewers_) viewer->come_back();
  }

  /// Waits while something is missing; what is wrong will not heal.
  void expect_equal(const char* when) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(number_of("LIVE_PATIENCE_S", 60));
    for (auto& viewer : viewers_) {
      for (;;) {
        const Verdict verdict = viewer->look();
        if (verdict.is_equal()) break;
        ASSERT_EQ(verdict.wrong, "") << when;
        ASSERT_LT(std::chrono::steady_clock::now(), give_up) << when << ", for too long: " << verdict.missing;
        std::this_thread::yield();
      }
    }
  }

  void expect_store_to_be_the_model() {
    fakes::ReadingsClient client(hub_.store());
    for (const auto& record : hub_.devices().resolve({}, {"*"})) {
      std::multiset<std::pair<std::int64_t, std::string>> stored, made;
      RawQuery query{record.id, 0, kNow + 1'000'000'000, 100'000, std::nullopt, {}};
      do {
        auto page = client.raw(query);
        ASSERT_TRUE(page.has_value());
        for (std::size_t i = 0; i < page->times_us.size(); ++i)
          stored.emplace(page->times_us[i], text(value_at(page->values, i)));
        query.cursor = page->next;
      } while (query.cursor);
      for (const auto& one : hub_.model.of(raw(record.id))) made.emplace(one.time_us, one.value);
      ASSERT_EQ(stored, made) << record.name;
    }
  }

  SeamHub& hub_;
  std::mt19937_64 dice_;
  Writer writer_;
  std::vector<std::unique_ptr<SeamViewer>> viewers_;
  int restarts_ = 0, replaced_ = 0;
};

void run_rounds(bool in_memory) {
  const bool is_long = std::getenv("TELEMETRY_TESTS_LONG") != nullptr;
  std::uint64_t seed = number_of("LIVE_SEED", std::random_device{}());
  const auto frames = static_cast<int>(number_of("LIVE_FRAMES", 1'500));
  for (int round = 0; round < (is_long ? 40 : 1) && !testing::Test::HasFatalFailure(); ++round, ++seed) {
    std::printf("LIVE_SEED=%llu\n", static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    SeamHub hub(seam_limits(), in_memory);
    Seam(hub, seed).run(frames);
  }
}

TEST(LiveSeam, every_view_equals_the_store_in_memory) {
  run_rounds(true);
}

TEST(LiveSeam, every_view_equals_the_store_in_sqlite) {
  run_rounds(false);
}

}  // namespace
}  // namespace hub::seam
