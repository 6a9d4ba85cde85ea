// What survives when the power goes: every acknowledged frame, once. The same test must see a missing fsync.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "hub/storage/sqlite/sqlite_readings_store.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/power_cut_vfs.h"
#include "tests/fakes/readings_client.h"
#include "tests/fakes/temp_folder.h"

namespace {

using hub::SeriesId;
using hub::sqlite::open_readings_store;
using hub::sqlite::ReadingsOptions;

constexpr int kStreams = 3;
constexpr std::int64_t kStart = 1'700'000'000'000'000;

SeriesId series_of(int stream) {
  return SeriesId{static_cast<std::uint32_t>(stream + 1)};
}
hub::StreamKey stream(int i) {
  return fakes::stream_of("d" + std::to_string(i));
}

/// One reading a frame, whose value is the frame's number: what is stored tells which frames are.
hub::StoredFrame frame(int i, std::uint64_t sequence) {
  const auto number = static_cast<std::int64_t>(sequence);
  auto frame = fakes::number_frame(stream(i), sequence, series_of(i), {kStart + number * 1'000'000},
                                   {static_cast<double>(sequence)});
  // Something to seal in several buckets and parts.
  if (sequence % 5 == 0) frame.flags = hub::kBackfilled;
  return frame;
}

/// A hub's life on one disk: it sends until the disk stops, comes back, and goes on where the cursors say.
class Life {
 public:
  Life(std::uint64_t seed, const char* synchronous)
      : random_(seed), synchronous_(synchronous), vfs_("power-cut-" + std::to_string(seed)) {}

  fakes::PowerCutVfs& vfs() { return vfs_; }
  base::SeededRandom& random() { return random_; }

  std::unique_ptr<hub::ReadingsStore> open() {
    ReadingsOptions options;
    options.folder = folder_.path();
    options.vfs = vfs_.name();
    options.synchronous = synchronous_;
    options.tail_max_bytes = 3'000;  // seals and rotates every few commits
    options.commit_window_us = 0;
    options.retained_journal_bytes = 200'000;
    options.retained_journal_us = 50'000'000;
    options.low_water_bytes = 1;
    options.file_names = &vfs_.file_names();
    options.compact_late_us = 15'000'000;  // the day is over from the start: each seal may make a new generation
    auto store = open_readings_store(options, clock_, random_);
    if (!store) {
      problem_ = store.error().detail;
      return nullptr;
    }
    return std::move(*store);
  }

  /// Sends frames of all streams, some at a time, some of them again, until `frames` are acknowledged or the store says
  /// no.
  void send(hub::ReadingsStore& store, int frames) {
    fakes::ReadingsClient client(store);
    for (int n = 0; n < frames;) {
      struct Sent {
        int stream;
        std::uint64_t sequence;
        std::future<hub::Result<hub::AppendResult>> reply;
      };
      std::vector<Sent> sent;
      for (std::uint64_t burst = 1 + random_.next_u64() % 4; burst > 0; --burst) {
        const int i = static_cast<int>(random_.next_u64() % kStreams);
        const std::uint64_t again = random_.next_u64() % 8 == 0 && submitted_[i] > 0 ? 1 : 0;
        const std::uint64_t sequence = submitted_[i] + 1 - again;
        submitted_[i] = std::max(submitted_[i], sequence);
        ever_[i] = std::max(ever_[i], sequence);
        sent.push_back({i, sequence, client.start_append(frame(i, sequence))});
      }
      bool refused = false;
      for (auto& s : sent) {
        const auto result = s.reply.get();
        if (result) acknowledged_[s.stream] = std::max(acknowledged_[s.stream], result->stored);
        refused |= !result;
        ++n;
      }
      clock_.advance(1'000'000);
      if (refused) return start_over(client);
    }
  }

  /// As a session does after an error: it asks what is stored and goes on behind that.
  void start_over(fakes::ReadingsClient& client) {
    for (int i = 0; i < kStreams; ++i) {
      if (const auto cursor = client.cursors({stream(i)})) submitted_[i] = cursor->front();
    }
  }

  /// Empty: every acknowledged frame is stored, every stored frame once, none that was not sent.
  std::string find_loss() {
    auto store = open();
    if (!store) return "cannot be opened: " + problem_;
    fakes::ReadingsClient client(*store);
    for (int i = 0; i < kStreams; ++i) {
      const auto cursor = client.cursors({stream(i)});
      if (!cursor) return "no cursor";
      const auto page = client.raw({series_of(i), kStart, kStart + 1'000'000'000'000, 100'000, std::nullopt});
      if (!page) return "no page";
      const auto& values = std::get<0>(page->values);
      if (cursor->front() < acknowledged_[i])
        return "frames acknowledged " + std::to_string(acknowledged_[i]) + ", cursor " +
               std::to_string(cursor->front());
      if (cursor->front() > ever_[i] + 1) return "a cursor past what was sent";
      if (values.size() != cursor->front())
        return std::to_string(values.size()) + " readings where the cursor is " + std::to_string(cursor->front()) +
               " [" + store->status().warning + "]";
      for (std::size_t k = 0; k < values.size(); ++k) {
        if (values[k] != static_cast<double>(k + 1)) return "reading " + std::to_string(k + 1) + " is not there once";
      }
      // A cursor in Welcome is an acknowledgement too: the device forgets what lies before it.
      submitted_[i] = acknowledged_[i] = cursor->front();
    }
    return {};
  }

  /// The next frame of the first stream, not counted as sent.
  hub::StoredFrame next_frame() const { return frame(0, submitted_[0] + 1); }
  const std::string& problem() const { return problem_; }

 private:
  base::SeededRandom random_;
  const char* synchronous_;
  fakes::TempFolder folder_;
  fakes::PowerCutVfs vfs_;
  fakes::ManualClock clock_{kStart + 3 * 86'400'000'000};
  std::uint64_t submitted_[kStreams] = {}, acknowledged_[kStreams] = {}, ever_[kStreams] = {};
  std::string problem_;
};

/// Several cuts (some of them only kills) in one life. The loss found, or empty.
std::string live_through_power_cuts(std::uint64_t seed, const char* synchronous) {
  Life life(seed, synchronous);
  for (int cut = 0; cut < 4; ++cut) {
    life.vfs().stop_after(5 + life.random().next_u64() % 250);
    if (auto store = life.open()) life.send(*store, 400);
    life.vfs().stop_now();
    if (life.random().next_u64() % 3 == 0) {
      life.vfs().revive_after_kill();
      // What a restarted hub answers must be durable even if nothing is written any more.
      if (auto loss = life.find_loss(); !loss.empty()) return "after a kill: " + loss;
      life.vfs().stop_now();
    }
    life.vfs().revive_after_power_cut(life.random());
    if (auto loss = life.find_loss(); !loss.empty()) return "after power cut " + std::to_string(cut) + ": " + loss;
  }
  return {};
}

/// Set by `tests/run long`.
bool is_long_run() {
  return std::getenv("TELEMETRY_TESTS_LONG") != nullptr;
}

TEST(readings_durability, acknowledged_frames_survive_power_cuts_exactly_once) {
  const std::uint64_t lives = is_long_run() ? 500 : 60;  // of four cuts each
  for (std::uint64_t seed = 1; seed <= lives; ++seed) {
    const auto loss = live_through_power_cuts(seed, "FULL");
    ASSERT_EQ(loss, "") << "seed " << seed;
  }
}

TEST(readings_durability, the_same_lives_lose_frames_when_nothing_is_synced) {
  int losses = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) losses += !live_through_power_cuts(seed, "OFF").empty();
  EXPECT_GT(losses, 5) << "the test does not see a missing fsync, so it proves nothing";
}

TEST(readings_durability, the_same_lives_lose_frames_when_only_checkpoints_are_synced) {
  int losses = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) losses += !live_through_power_cuts(seed, "NORMAL").empty();
  EXPECT_GT(losses, 5);
}

/// Opens, stores, seals, reads, closes: with the n-th I/O call failing, for every n.
TEST(readings_durability, any_failing_call_loses_nothing_and_is_survived) {
  for (const bool all_after : {false, true}) {
    std::uint64_t n = 1;
    for (bool happened = true; happened; n += is_long_run() ? 1 : 1 + n / 40) {
      Life life(1'000 + n + (all_after ? 100'000 : 0), "FULL");
      life.vfs().fail_call(n, all_after);
      if (auto store = life.open()) {
        life.send(*store, 60);
        fakes::ReadingsClient client(*store);
        (void)client.raw({series_of(0), kStart, kStart + 1'000'000'000, 1'000, std::nullopt});
        (void)client.gaps({hub::DeviceId("d0"), {}, 0, kStart});
      }
      happened = life.vfs().fault_happened();
      life.vfs().clear_faults();
      ASSERT_EQ(life.find_loss(), "") << "call " << n << (all_after ? " and all after" : "");
      ASSERT_LT(n, 1'000'000u);
    }
    EXPECT_GT(n, 100u);
  }
}

TEST(readings_durability, short_disk_stops_ingest_and_room_starts_it_again) {
  Life life(7, "FULL");
  auto store = life.open();
  ASSERT_TRUE(store) << life.problem();
  fakes::ReadingsClient client(*store);
  life.send(*store, 10);
  life.vfs().limit_bytes(1);
  const auto refused = client.append(life.next_frame());
  ASSERT_FALSE(refused);
  EXPECT_EQ(hub::to_errc(refused.error()), hub::errc::unavailable);
  EXPECT_NE(store->status().failure, "");
  EXPECT_FALSE(store->status().fatal);
  const auto page = client.raw({series_of(0), kStart, kStart + 1'000'000'000, 1'000, std::nullopt});
  EXPECT_TRUE(page) << "reads go on";
  life.vfs().clear_faults();
  life.send(*store, 30);
  EXPECT_EQ(store->status().failure, "");
  store.reset();
  EXPECT_EQ(life.find_loss(), "");
}

TEST(readings_durability, failing_fsync_is_fatal_until_a_restart) {
  Life life(8, "FULL");
  auto store = life.open();
  ASSERT_TRUE(store) << life.problem();
  life.send(*store, 10);
  fakes::ReadingsClient client(*store);
  life.vfs().fail_call(1, true);
  ASSERT_FALSE(client.append(life.next_frame()));
  life.vfs().clear_faults();
  EXPECT_TRUE(store->status().fatal);
  const auto refused = client.append(life.next_frame());
  ASSERT_FALSE(refused);
  EXPECT_EQ(hub::to_errc(refused.error()), hub::errc::unavailable);
  store.reset();
  EXPECT_EQ(life.find_loss(), "");
}

}  // namespace
