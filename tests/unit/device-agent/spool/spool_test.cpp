#include "device-agent/spool/spool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "device-agent/spool/frame_builder.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/temp_folder.h"

namespace agent {
namespace {

namespace pb = telemetry::v1;
constexpr std::int64_t kNow = 1'700'000'000'000'000;

base::Id128 id(std::uint8_t n) {
  base::Id128 made{};
  made.fill(n);
  return made;
}

class SpoolTest : public ::testing::Test {
 protected:
  std::unique_ptr<Spool> open(std::uint8_t epoch, std::size_t max_bytes = 64 << 20,
                              std::size_t segment_bytes = 1 << 20) {
    return Spool::open({folder.path(), max_bytes, segment_bytes, 0}, id(epoch), id(99)).value();
  }
  /// A frame of `n` readings that begin at `start`.
  std::string frame(FrameBuilder& builder, std::int64_t start_us, int n = 20) {
    const auto alias = builder.alias("temperature", "Cel", pb::VALUE_TYPE_NUMBER, 1'000);
    for (int i = 0; i < n; ++i) builder.add(alias, start_us + i, static_cast<double>(i) + 0.5);
    return builder.close(clock);
  }
  std::vector<std::filesystem::path> files(const std::string& extension = ".spool") {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      if (entry.path().extension() == extension) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  static Spool::Stream stream_of(const Spool& spool, std::uint8_t epoch, std::uint8_t lane = 0) {
    for (const auto& stream : spool.streams()) {
      if (stream.epoch == id(epoch) && stream.lane == lane) return stream;
    }
    return {};
  }
  static pb::GapFrame gap_of(Spool& spool, std::uint8_t epoch, std::uint64_t sequence) {
    const auto item = spool.read(id(epoch), 0, sequence);
    EXPECT_TRUE(item && item->is_gap);
    pb::GapFrame gap;
    EXPECT_TRUE(item && gap.ParseFromString(item->bytes));
    return gap;
  }

  fakes::TempFolder folder;
  fakes::ManualClock clock{kNow};
};

TEST_F(SpoolTest, what_was_flushed_comes_back_under_its_number_and_epoch) {
  FrameBuilder builder;
  std::vector<std::string> bodies;
  {
    auto spool = open(1);
    for (int i = 0; i < 5; ++i) {
      bodies.push_back(frame(builder, kNow + i * 100));
      EXPECT_EQ(spool->append(0, bodies.back()), static_cast<std::uint64_t>(i + 1));
    }
    spool->set_definitions(builder.definitions());
    ASSERT_TRUE(spool->flush());
    spool->append(0, frame(builder, kNow + 999));  // the loss window: never flushed
  }
  auto spool = open(2);
  EXPECT_EQ(stream_of(*spool, 1).first_held, 1u);
  EXPECT_EQ(stream_of(*spool, 1).next, 6u);
  EXPECT_EQ(stream_of(*spool, 1).boot_id, id(99));
  for (std::uint64_t n = 1; n <= 5; ++n) {
    const auto item = spool->read(id(1), 0, n);
    ASSERT_TRUE(item) << n;
    EXPECT_EQ(item->first, n);
    EXPECT_FALSE(item->is_gap);
    EXPECT_EQ(item->bytes, bodies[n - 1]);
  }
  EXPECT_FALSE(spool->read(id(1), 0, 6));
  EXPECT_EQ(spool->definitions(id(1)).definitions_size(), 1);
  EXPECT_EQ(spool->damaged_records(), 0u);
}

TEST_F(SpoolTest, what_the_hub_has_is_forgotten_and_its_files_go) {
  FrameBuilder builder;
  auto spool = open(1, 64 << 20, 4 * 1'024);
  for (int i = 0; i < 200; ++i) spool->append(0, frame(builder, kNow + i * 100));
  ASSERT_TRUE(spool->flush());
  EXPECT_GT(files().size(), 3u);
  EXPECT_GE(spool->written_bytes(), spool->disk_bytes() / 2);
  spool->acknowledged(id(1), 0, 150);
  EXPECT_EQ(stream_of(*spool, 1).first_held, 151u);
  spool->acknowledged(id(1), 0, 200);
  EXPECT_LE(files().size(), 1u);
  EXPECT_EQ(spool->held(), 0u);
  spool.reset();
  auto again = open(2);
  EXPECT_EQ(again->held(), 0u);
}

TEST_F(SpoolTest, a_full_disk_share_costs_the_oldest_and_says_so_exactly) {
  FrameBuilder builder;
  auto spool = open(1, 24 * 1'024, 4 * 1'024);
  constexpr int kFrames = 400;
  for (int i = 0; i < kFrames; ++i) {
    spool->append(0, frame(builder, kNow + i * 100));
    if (i % 10 == 9) {
      ASSERT_TRUE(spool->flush());
    }
  }
  EXPECT_LE(spool->disk_bytes(), 32u * 1'024);
  EXPECT_GT(spool->dropped_frames(), 40u);
  const auto item = spool->read(id(1), 0, 1);
  ASSERT_TRUE(item && item->is_gap);
  EXPECT_EQ(item->first, 1u);
  EXPECT_EQ(item->last, spool->dropped_frames());
  const auto gap = gap_of(*spool, 1, 1);
  ASSERT_EQ(gap.gaps_size(), 1);
  EXPECT_EQ(gap.gaps(0).reason(), pb::GAP_REASON_SPOOL_FULL);
  EXPECT_EQ(gap.gaps(0).count(), spool->dropped_frames() * 20);
  EXPECT_EQ(gap.gaps(0).from_us(), static_cast<double>(kNow));
  EXPECT_EQ(gap.gaps(0).to_us(),
            static_cast<double>(kNow + static_cast<std::int64_t>(spool->dropped_frames() - 1) * 100 + 19));
  EXPECT_FALSE(spool->read(id(1), 0, item->last + 1)->is_gap);
}

TEST_F(SpoolTest, a_gap_of_an_earlier_start_outlives_the_next) {
  FrameBuilder builder;
  {
    auto spool = open(1, 64 << 20, 4 * 1'024);
    for (int i = 0; i < 100; ++i) spool->append(0, frame(builder, kNow + i * 100));
    spool->set_definitions(builder.definitions());
    ASSERT_TRUE(spool->flush());
  }
  std::uint64_t dropped = 0;
  {
    auto spool = open(2, 8 * 1'024, 4 * 1'024);
    FrameBuilder other;
    for (int i = 0; i < 100; ++i) spool->append(0, frame(other, kNow + 1'000'000 + i * 100));
    ASSERT_TRUE(spool->flush());
    dropped = spool->dropped_frames();
    ASSERT_GT(dropped, 0u);
  }
  auto spool = open(3);
  const auto gap = gap_of(*spool, 1, 1);
  ASSERT_GE(gap.gaps_size(), 1);
  EXPECT_EQ(gap.gaps(0).reason(), pb::GAP_REASON_SPOOL_FULL);
  EXPECT_EQ(spool->definitions(id(1)).definitions(0).name(), "temperature") << "or nobody knows what was lost";
  std::uint64_t lost = 0;
  for (const std::uint8_t epoch : {1, 2}) {
    const auto item = spool->read(id(epoch), 0, 1);
    if (item && item->is_gap) lost += item->last - item->first + 1;
  }
  EXPECT_EQ(lost, dropped);
}

TEST_F(SpoolTest, a_flipped_byte_costs_its_record_and_is_reported) {
  FrameBuilder builder;
  {
    auto spool = open(1);
    for (int i = 0; i < 10; ++i) spool->append(0, frame(builder, kNow + i * 100));
    ASSERT_TRUE(spool->flush());
  }
  const auto path = files().at(0);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(path) / 2);
    file.seekg(middle);
    const char was = static_cast<char>(file.get());
    file.seekp(middle);
    file.put(static_cast<char>(was ^ 0x40));
  }
  auto spool = open(2);
  EXPECT_GE(spool->damaged_records(), 1u);
  EXPECT_EQ(files(".damaged").size(), 1u);
  int frames = 0, gaps = 0;
  std::uint64_t sequence = 1;
  while (const auto item = spool->read(id(1), 0, sequence)) {
    (item->is_gap ? gaps : frames) += 1;
    if (item->is_gap) {
      EXPECT_EQ(gap_of(*spool, 1, sequence).gaps(0).reason(), pb::GAP_REASON_SPOOL_DAMAGED);
    }
    sequence = item->last + 1;
  }
  EXPECT_EQ(gaps, 1);
  EXPECT_EQ(frames, 9);
}

TEST_F(SpoolTest, a_cut_file_keeps_what_is_whole) {
  FrameBuilder builder;
  {
    auto spool = open(1);
    for (int i = 0; i < 10; ++i) spool->append(0, frame(builder, kNow + i * 100));
    ASSERT_TRUE(spool->flush());
  }
  const auto path = files().at(0);
  const auto whole = std::filesystem::file_size(path);
  for (std::uintmax_t cut : {whole - 1, whole / 2, std::uintmax_t{20}, std::uintmax_t{3}, std::uintmax_t{0}}) {
    std::filesystem::resize_file(path, std::min(cut, std::filesystem::file_size(path)));
    auto spool = open(static_cast<std::uint8_t>(2));
    std::uint64_t seen = 0;
    for (std::uint64_t n = 1; n <= 10; ++n) {
      const auto item = spool->read(id(1), 0, n);
      if (item && !item->is_gap && item->first == n) ++seen;
    }
    EXPECT_LT(seen, 10u) << cut;
    EXPECT_TRUE(cut != whole - 1 || seen == 9) << seen;
    if (!std::filesystem::exists(path)) break;
  }
}

}  // namespace
}  // namespace agent
