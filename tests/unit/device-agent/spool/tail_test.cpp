// Small flushes go into the tail, and nothing of it is lost on its way into a segment.
#include "tests/unit/device-agent/spool/spool_fixture.h"

namespace agent {
namespace {

class TailTest : public SpoolFixture {
 protected:
  TailTest() { options.tail_bytes = 8 * TailFile::kBlock; }
  std::string tail() const { return folder.path() + "/tail"; }
  void append(Spool& spool, int n = 1) {
    for (int i = 0; i < n; ++i) bodies.push_back(frame(builder, kSpoolTime + 100 * static_cast<int>(bodies.size())));
    for (std::size_t i = bodies.size() - static_cast<std::size_t>(n); i < bodies.size(); ++i)
      spool.append(0, bodies[i]);
    spool.set_definitions(builder.definitions());
  }
  void expect_all(Spool& spool, std::uint8_t epoch) {
    const auto found = content(spool, epoch);
    EXPECT_EQ(found.frames.size(), bodies.size());
    EXPECT_TRUE(found.in_gaps.empty());
    for (const auto& [n, bytes] : found.frames) EXPECT_EQ(bytes, bodies.at(n - 1)) << n;
    EXPECT_EQ(spool.definitions(spool_id(epoch)).definitions_size(), 1);
    EXPECT_EQ(spool.findings().damaged, 0u);
  }

  FrameBuilder builder;
  std::vector<std::string> bodies;
};

TEST_F(TailTest, a_small_flush_writes_one_block_of_a_file_that_does_not_grow) {
  auto spool = open(1);
  append(*spool);
  ASSERT_TRUE(spool->flush());
  const auto size = std::filesystem::file_size(tail());
  EXPECT_EQ(size, options.tail_bytes);
  const auto before = spool->written_bytes();
  append(*spool);
  ASSERT_TRUE(spool->flush());
  EXPECT_EQ(spool->written_bytes() - before, TailFile::kBlock);
  EXPECT_EQ(std::filesystem::file_size(tail()), size);
  EXPECT_TRUE(files().empty());
  ASSERT_TRUE(spool->flush());
  EXPECT_EQ(spool->written_bytes() - before, TailFile::kBlock) << "nothing new costs nothing";
  spool.reset();
  expect_all(*open(2), 1);
}

TEST_F(TailTest, every_moment_of_many_passes_comes_back_whole) {
  auto spool = open(1);
  for (int i = 0; i < 40; ++i) {
    append(*spool);
    ASSERT_TRUE(spool->flush());
    // As after a power cut at this moment: a copy of the folder.
    fakes::TempFolder copy;
    std::filesystem::remove_all(copy.path());
    std::filesystem::copy(folder.path(), copy.path());
    SpoolOptions there = options;
    there.folder = copy.path();
    expect_all(*Spool::open(there, spool_id(2), spool_id(99)).value(), 1);
  }
  EXPECT_EQ(files().size(), 1u) << "what was in the tail has moved";
}

TEST_F(TailTest, a_start_that_ends_at_once_loses_nothing_of_its_forerunner) {
  {
    auto spool = open(1);
    append(*spool, 5);
    ASSERT_TRUE(spool->flush());
  }
  for (std::uint8_t epoch = 2; epoch < 20; ++epoch) {
    auto spool = open(epoch);
    expect_all(*spool, 1);
    FrameBuilder other;
    spool->append(1, frame(other, kSpoolTime));
    spool->set_definitions(other.definitions());
    ASSERT_TRUE(spool->flush());
  }
  auto spool = open(20);
  expect_all(*spool, 1);
  EXPECT_EQ(spool->held(), 5u + 18u);
}

TEST_F(TailTest, what_was_acknowledged_does_not_come_back) {
  {
    auto spool = open(1);
    append(*spool, 3);
    ASSERT_TRUE(spool->flush());
    spool->acknowledged(spool_id(1), 0, 3);
    EXPECT_EQ(spool->memory_bytes(), 0u);
    ASSERT_TRUE(spool->flush());
    const auto written = spool->written_bytes();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(spool->flush());
    EXPECT_EQ(spool->written_bytes(), written);
  }
  auto spool = open(2);
  EXPECT_EQ(spool->held(), 0u);
  ASSERT_TRUE(spool->flush());
  EXPECT_EQ(spool->written_bytes(), 0u);
}

TEST_F(TailTest, a_gap_in_a_segment_counts_before_the_frame_that_the_tail_still_has) {
  {
    auto spool = open(1);
    append(*spool, 3);
    ASSERT_TRUE(spool->flush());
    spool->refuse(spool_id(1), 0, 2);
    for (int i = 0; i < 1'000; ++i) append(*spool);  // too much for the tail: a segment
    ASSERT_TRUE(spool->flush());
  }
  ASSERT_EQ(files().size(), 1u);
  const auto found = content(*open(2), 1);
  EXPECT_EQ(found.in_gaps, (std::set<std::uint64_t>{2}));
  EXPECT_EQ(found.frames.size(), 1'002u);
  EXPECT_EQ(found.gap_readings, 20u);
}

TEST_F(TailTest, a_cut_tail_is_made_anew_and_the_rest_kept) {
  {
    auto spool = open(1);
    for (int i = 0; i < 3; ++i) {
      append(*spool);
      ASSERT_TRUE(spool->flush());
    }
  }
  std::filesystem::resize_file(tail(), 2 * TailFile::kBlock + 100);
  auto spool = open(2);
  EXPECT_GE(spool->findings().damaged, 1u);
  EXPECT_EQ(content(*spool, 1).frames.size(), 2u);
  EXPECT_TRUE(std::filesystem::exists(tail() + ".damaged"));
  FrameBuilder other;
  for (int i = 0; i < 3; ++i) {
    spool->append(0, frame(other, kSpoolTime));
    ASSERT_TRUE(spool->flush());
  }
  EXPECT_EQ(std::filesystem::file_size(tail()), options.tail_bytes);
  spool.reset();
  spool = open(3);
  EXPECT_EQ(spool->findings().damaged, 0u);
  EXPECT_EQ(content(*spool, 1).frames.size(), 2u);
  EXPECT_EQ(content(*spool, 2).frames.size(), 3u);
}

TEST_F(TailTest, what_stands_since_the_last_turn_is_behind) {
  auto spool = open(1);
  EXPECT_FALSE(spool->is_behind());
  append(*spool);
  EXPECT_FALSE(spool->is_behind()) << "young: the hub may take it";
  EXPECT_TRUE(spool->is_behind());
  ASSERT_TRUE(spool->flush());
  EXPECT_FALSE(spool->is_behind());
  append(*spool);
  spool->acknowledged(spool_id(1), 0, 2);
  EXPECT_FALSE(spool->is_behind());
  EXPECT_FALSE(spool->is_behind());
}

}  // namespace
}  // namespace agent
