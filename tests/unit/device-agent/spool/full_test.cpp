// No room: on disk, in memory, or at all. What is dropped and what is kept make up what was sampled.
#include "tests/unit/device-agent/spool/spool_fixture.h"
#include "wire/frame_codec.h"

namespace agent {
namespace {

class FullTest : public SpoolFixture {
 protected:
  static constexpr int kReadings = 20;
  /// In the way of the folder, as a disk that takes nothing.
  void take_disk_away() {
    std::filesystem::rename(folder.path(), away());
    std::ofstream(folder.path()) << "in the way";
  }
  void give_disk_back() {
    std::filesystem::remove(folder.path());
    std::filesystem::rename(away(), folder.path());
  }
  std::string away() const { return folder.path() + ".away"; }
  void append(Spool& spool, int frames, std::uint8_t lane = 1) {
    for (int i = 0; i < frames; ++i, ++made) spool.append(lane, frame(builder, kSpoolTime + made * 100, kReadings));
    spool.set_definitions(builder.definitions());
  }
  /// Readings in frames and in gaps of an epoch's backfill lane.
  std::pair<std::uint64_t, std::uint64_t> count(Spool& spool, std::uint8_t epoch) {
    const auto found = content(spool, epoch, 1);
    for (std::uint64_t n = 1; n <= found.frames.size() + found.in_gaps.size(); ++n) {
      EXPECT_TRUE(found.frames.contains(n) != found.in_gaps.contains(n)) << n;
    }
    return {found.frames.size() * kReadings, found.gap_readings};
  }

  FrameBuilder builder;
  int made = 0;
};

TEST_F(FullTest, memory_is_bounded_while_the_disk_takes_nothing_and_the_loss_is_exact) {
  options.max_memory_bytes = 64 * 1'024;
  auto spool = open(1);
  append(*spool, 100);
  ASSERT_TRUE(spool->flush());
  append(*spool, 10);
  take_disk_away();
  std::size_t most = 0;
  for (int i = 0; i < 300; ++i) {
    append(*spool, 10);
    EXPECT_FALSE(spool->flush());
    most = std::max(most, spool->memory_bytes());
  }
  EXPECT_LE(most, options.max_memory_bytes + 1'024);
  EXPECT_GT(most, options.max_memory_bytes / 2);
  EXPECT_GT(spool->dropped_readings(), 0u);
  give_disk_back();
  ASSERT_TRUE(spool->flush());
  EXPECT_EQ(spool->unsaved_bytes(), 0u);
  auto [kept, lost] = count(*spool, 1);
  EXPECT_EQ(kept + lost, static_cast<std::uint64_t>(made * kReadings));
  EXPECT_EQ(lost, spool->dropped_readings());
  spool.reset();
  spool = open(2);
  EXPECT_EQ(count(*spool, 1), std::make_pair(kept, lost));
  EXPECT_EQ(spool->findings().damaged, 0u);
}

TEST_F(FullTest, the_gap_of_a_bounded_memory_has_the_times_of_what_was_dropped) {
  options.max_memory_bytes = 64 * 1'024;
  take_disk_away();
  give_disk_back();
  auto spool = open(1);
  take_disk_away();
  append(*spool, 2'000);
  const auto item = spool->read(spool_id(1), 1, 1);
  ASSERT_TRUE(item && item->is_gap);
  telemetry::v1::GapFrame gap;
  ASSERT_TRUE(gap.ParseFromString(item->bytes));
  ASSERT_EQ(gap.gaps_size(), 1);
  EXPECT_EQ(gap.gaps(0).reason(), telemetry::v1::GAP_REASON_SPOOL_FULL);
  EXPECT_EQ(gap.gaps(0).from_us(), static_cast<double>(kSpoolTime));
  EXPECT_EQ(gap.gaps(0).to_us(),
            static_cast<double>(kSpoolTime + static_cast<std::int64_t>(item->last - 1) * 100 + 19));
  EXPECT_EQ(gap.gaps(0).count(), item->last * kReadings);
  give_disk_back();
}

TEST_F(FullTest, over_many_starts_what_is_kept_and_what_is_told_lost_make_up_what_was_sampled) {
  options.max_bytes = 96 * 1'024;
  options.segment_bytes = 8 * 1'024;
  std::vector<int> sampled;
  std::uint64_t dropped = 0;
  for (std::uint8_t epoch = 1; epoch <= 5; ++epoch) {
    auto spool = open(epoch);
    builder = FrameBuilder();
    const int before = made;
    for (int i = 0; i < 40; ++i) {
      append(*spool, 10);
      ASSERT_TRUE(spool->flush());
      EXPECT_LE(spool->disk_bytes(), options.max_bytes + options.segment_bytes);
    }
    sampled.push_back((made - before) * kReadings);
    dropped += spool->dropped_readings();
  }
  auto spool = open(6);
  std::uint64_t all_lost = 0;
  for (std::uint8_t epoch = 1; epoch <= 5; ++epoch) {
    const auto [kept, lost] = count(*spool, epoch);
    EXPECT_EQ(kept + lost, static_cast<std::uint64_t>(sampled[epoch - 1u])) << int{epoch};
    EXPECT_EQ(spool->definitions(spool_id(epoch)).definitions_size(), 1) << "or nobody knows what was lost";
    all_lost += lost;
  }
  EXPECT_EQ(all_lost, dropped);
  EXPECT_GT(dropped, 0u);
  EXPECT_GT(count(*spool, 5).first, 0u) << "the newest is kept";
}

TEST_F(FullTest, a_refused_frame_within_a_run_on_disk_costs_itself) {
  options.tail_bytes = 0;
  auto spool = open(1);
  append(*spool, 30);
  ASSERT_TRUE(spool->flush());
  for (const std::uint64_t n : {1u, 15u, 30u, 15u}) spool->refuse(spool_id(1), 1, n);
  const auto found = content(*spool, 1, 1);
  EXPECT_EQ(found.in_gaps, (std::set<std::uint64_t>{1, 15, 30}));
  EXPECT_EQ(found.frames.size(), 27u);
  EXPECT_EQ(spool->held(), 30u);
  ASSERT_TRUE(spool->flush());
  spool->acknowledged(spool_id(1), 1, 20);
  EXPECT_EQ(spool->held(), 10u);
  spool.reset();
  spool = open(2);
  const auto again = content(*spool, 1, 1);
  for (std::uint64_t n = 21; n <= 30; ++n) EXPECT_TRUE(again.frames.contains(n) != again.in_gaps.contains(n)) << n;
  EXPECT_TRUE(again.in_gaps.contains(30));
}

TEST_F(FullTest, frames_on_disk_cost_no_memory_each) {
  auto spool = open(1);
  append(*spool, 20'000);
  ASSERT_TRUE(spool->flush());
  EXPECT_EQ(spool->memory_bytes(), 0u);
  EXPECT_EQ(spool->held(), 20'000u);
  spool->acknowledged(spool_id(1), 1, 19'999);
  EXPECT_EQ(spool->held(), 1u);
  EXPECT_TRUE(spool->read(spool_id(1), 1, 1));
  EXPECT_EQ(spool->read(spool_id(1), 1, 1)->first, 20'000u);
}

}  // namespace
}  // namespace agent
