// A crash at any point of compaction, removal and expiry loses nothing and doubles nothing.
#include <cstdlib>

#include "tests/fakes/power_cut_vfs.h"
#include "tests/unit/hub/storage/partitions_fixture.h"

namespace {

using namespace partitions_test;

/// One folder on a disk that can be stopped at its n-th change.
class Crashing : public Partitions {
 protected:
  enum class End { kill, power_cut, failed_call, failed_flush };

  explicit Crashing(std::uint64_t seed) : vfs_("partition-crash-" + std::to_string(seed)), dice_(seed) {
    options_.vfs = vfs_.name();
    options_.file_names = &vfs_.file_names();
    options_.low_water_bytes = 1;
    options_.retention.classes["lab"].age_us = 1'000 * kOneDayUs;
    options_.class_of = [](SeriesId series) { return series == kLab ? "lab" : hub::sqlite::kDefaultClass; };
  }
  void TestBody() override {}

  /// Two days of two series, each in a class of its own, the first day in its first generation with something late.
  void prepare() {
    open();
    for (int i = 0; i < 30; ++i) put({at(0, i), at(0, i)}, {1.0 * i, i + 0.5});
    put({at(0, 3)}, {100}, kSeries, hub::kBackfilled);
    put({at(0, 1)}, {5}, kLab);
    end_days(2);
    put({at(0, 7), at(1, 2)}, {101, 102}, kSeries, hub::kBackfilled);
    put({at(0, 1), at(1, 2)}, {6, 7}, kLab, hub::kBackfilled);
    expected_ = all();
    ASSERT_EQ(expected_.size(), 66u);
    store_.reset();
  }

  /// Stops the disk at the n-th change after days have ended; true where that came before all was done.
  bool crash_at(std::uint64_t n, End end) {
    open();
    clock_.advance(3 * kOneDayUs);
    const auto before = store_->status().compactions;
    vfs_.stop_after(n);
    // The keeper looks each second; a seal makes it look at once.
    (void)client().append(
        fakes::number_frame(fakes::stream_of("marker"), ++marker_, SeriesId{999'999}, {clock_.now_us()}, {0}));
    wait_until([&] { return vfs_.stopped() || done(before); });
    const bool stopped = vfs_.stopped();
    vfs_.stop_now();
    store_.reset();
    end == End::kill ? vfs_.revive_after_kill() : vfs_.revive_after_power_cut(dice_);
    return stopped;
  }
  /// One I/O call, or one flush, fails, and the process dies once the store has met it; true where there was such a
  /// call.
  bool fail_at(std::uint64_t n, End end) {
    open();
    clock_.advance(3 * kOneDayUs);
    const auto before = store_->status().compactions;
    end == End::failed_call ? vfs_.fail_call(n) : vfs_.fail_sync(n);
    (void)client().append(
        fakes::number_frame(fakes::stream_of("marker"), ++marker_, SeriesId{999'999}, {clock_.now_us()}, {0}));
    wait_until([&] {
      const auto status = store_->status();
      return status.fatal || !status.warning.empty() || done(before);
    });
    store_->stop();  // what the keeper was at, it ends
    const bool happened = vfs_.fault_happened();
    vfs_.clear_faults();
    vfs_.stop_now();
    store_.reset();
    vfs_.revive_after_kill();
    return happened;
  }
  bool done(std::uint64_t before) const {
    const auto status = store_->status();
    return status.compactions >= before + 3 && status.compacted_through == status.head.commit;
  }

  void expect_all(std::uint64_t n) {
    open();
    ASSERT_EQ(all(), expected_) << "change " << n;
    const auto cursor = client().cursors({fakes::stream_of("marker")}).value().front();
    ASSERT_LE(cursor, marker_);
    marker_ = cursor;
    store_.reset();
  }

  static constexpr SeriesId kLab{8};
  std::vector<double> all() {
    auto values = raw(kDay0, kDay0 + 2 * kOneDayUs);
    const auto lab = raw(kDay0, kDay0 + 2 * kOneDayUs, kLab);
    values.insert(values.end(), lab.begin(), lab.end());
    return values;
  }
  static std::int64_t at(int day, int step) { return kDay0 + day * kOneDayUs + step * 1'800 * kSecondUs; }

  fakes::PowerCutVfs vfs_;
  base::SeededRandom dice_;
  std::vector<double> expected_;
  std::uint64_t marker_ = 0;

 public:
  /// Every `stride`-th n until a compaction goes through, each on a folder of its own.
  static void run(End end, std::uint64_t first_seed, std::uint64_t first, std::uint64_t stride) {
    bool stopped = true;
    for (std::uint64_t n = first; stopped; n += stride) {
      Crashing one(first_seed + n);
      one.prepare();
      if (testing::Test::HasFatalFailure()) return;
      stopped = end == End::kill || end == End::power_cut ? one.crash_at(n, end) : one.fail_at(n, end);
      one.expect_all(n);
      // It goes on from there: the next time nothing is in the way.
      one.open();
      one.sequence_ = one.client().cursors({fakes::stream_of("a")}).value().front();
      one.end_days(3);
      ASSERT_EQ(one.all(), one.expected_) << "later, change " << n;
      for (const auto& file : one.files()) {
        ASSERT_TRUE(file.ends_with(".db") || file.ends_with(".quarantined")) << file << ", change " << n;
        ASSERT_FALSE(file.ends_with(".quarantined")) << file << " was our own, change " << n;
      }
      if (testing::Test::HasFatalFailure()) return;
      ASSERT_LT(n, 2'000u);
    }
  }
  /// tests/run long: all of them. Else every tenth.
  static bool everywhere() { return std::getenv("TELEMETRY_TESTS_LONG") != nullptr; }
  static void kill_everywhere() { run(End::kill, 10'000, everywhere() ? 1 : 2, everywhere() ? 1 : 10); }
  static void fail_everywhere() {
    run(End::failed_flush, 95'000, 1, 1);
    run(End::failed_call, 90'000, everywhere() ? 1 : 3, everywhere() ? 1 : 30);
  }
  static void cut_everywhere() {
    if (!everywhere()) return run(End::power_cut, 20'000, 4, 10);
    for (std::uint64_t seed = 1; seed <= 3; ++seed) run(End::power_cut, 20'000 * seed, 1, 1);
  }
};

TEST(partitions_crash, kill_at_any_change_of_a_compaction_loses_and_doubles_nothing) {
  Crashing::kill_everywhere();
}

TEST(partitions_crash, power_cut_at_any_change_of_a_compaction_loses_and_doubles_nothing) {
  Crashing::cut_everywhere();
}

/// What failed may yet be found in the log by the next start: files that its catalogue needs must still be there.
TEST(partitions_crash, failed_call_of_a_compaction_and_a_kill_lose_and_double_nothing) {
  Crashing::fail_everywhere();
}

}  // namespace
