// Readings taken before the clock was known to be right: where their times end up.
#include "device-agent/spool/frame_times.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "device-agent/spool/frame_builder.h"
#include "device-agent/spool/spool.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/temp_folder.h"
#include "wire/frame_codec.h"

namespace agent {
namespace {

namespace pb = telemetry::v1;
constexpr std::int64_t kWrong = 1'600'000'000'000'000;  // where a Pi's clock stands after a start without a network
constexpr std::int64_t kRight = 1'700'000'000'000'000;

base::Id128 session_id(std::uint8_t n) {
  base::Id128 made{};
  made.fill(n);
  return made;
}

pb::FrameBody parsed(const std::string& body) {
  pb::FrameBody frame;
  EXPECT_TRUE(frame.ParseFromString(body));
  return frame;
}
std::vector<std::int64_t> times_of(const std::string& body) {
  const auto frame = parsed(body);
  std::vector<std::int64_t> times, all;
  for (const auto& block : frame.blocks()) {
    EXPECT_TRUE(wire::decode_times(block, static_cast<std::int64_t>(frame.wall_us()), {}, times));
    all.insert(all.end(), times.begin(), times.end());
  }
  return all;
}

class FrameTimesTest : public ::testing::Test {
 protected:
  FrameTimesTest() { clock.set_synchronised(false); }
  /// Right time minus boot time.
  std::int64_t offset() const { return kRight - started_boot_us; }
  void sample() {
    const bool right = clock.synchronised();
    builder.add(builder.alias("temperature", "Cel", pb::VALUE_TYPE_NUMBER, 1'000),
                right ? clock.now_us() : clock.boot_us(), 21.5, right ? TimeBase::wall : TimeBase::boot);
  }
  /// Three readings a second apart; the clock is a second behind the last, then.
  std::string frame() {
    for (int i = 0; i < 3; ++i) {
      sample();
      clock.advance(1'000'000);
    }
    return builder.close(clock);
  }
  std::unique_ptr<Spool> open(std::uint8_t epoch, std::uint8_t boot, std::size_t segment_bytes = 1 << 20) {
    return Spool::open({folder.path(), 64 << 20, segment_bytes, 0}, session_id(epoch), session_id(boot)).value();
  }
  static std::string body_of(Spool& spool, std::uint8_t epoch, std::uint64_t sequence) {
    const auto item = spool.read(session_id(epoch), 1, sequence);
    EXPECT_TRUE(item && !item->is_gap) << sequence;
    return item ? item->bytes : std::string();
  }

  fakes::TempFolder folder;
  fakes::ManualClock clock{kWrong};
  const std::int64_t started_boot_us = clock.boot_us();
  FrameBuilder builder;
};

TEST_F(FrameTimesTest, a_frame_of_a_right_clock_says_nothing_special) {
  clock.set_wall(kRight);
  clock.set_synchronised(true);
  const auto body = frame();
  EXPECT_FALSE(parsed(body).unsynchronised());
  EXPECT_FALSE(parsed(body).rebased());
  EXPECT_FALSE(is_unplaced(body));
  EXPECT_EQ(times_of(body), (std::vector<std::int64_t>{kRight, kRight + 1'000'000, kRight + 2'000'000}));
}

TEST_F(FrameTimesTest, while_nobody_knows_better_a_frame_goes_by_the_clock_as_it_is_flagged) {
  const auto body = frame();
  EXPECT_TRUE(parsed(body).unsynchronised());
  EXPECT_FALSE(parsed(body).rebased());
  EXPECT_TRUE(is_unplaced(body));
  EXPECT_EQ(times_of(body), (std::vector<std::int64_t>{kWrong, kWrong + 1'000'000, kWrong + 2'000'000}));
  EXPECT_EQ(parsed(body).monotonic_ms(), static_cast<std::uint64_t>(clock.boot_us() / 1'000));
}

TEST_F(FrameTimesTest, readings_gathered_before_the_clock_stepped_are_placed_when_their_frame_is_closed) {
  for (int i = 0; i < 3; ++i) {
    sample();
    clock.advance(1'000'000);
  }
  clock.set_wall(kRight + 3'000'000);
  clock.set_synchronised(true);
  EXPECT_FALSE(builder.fits(TimeBase::wall)) << "the next reading needs another frame";
  const auto body = builder.close(clock);
  EXPECT_TRUE(builder.fits(TimeBase::wall));
  EXPECT_EQ(times_of(body), (std::vector<std::int64_t>{kRight, kRight + 1'000'000, kRight + 2'000'000}));
  EXPECT_TRUE(parsed(body).unsynchronised());
  EXPECT_TRUE(parsed(body).rebased());
  EXPECT_FALSE(is_unplaced(body));
}

TEST_F(FrameTimesTest, the_hub_s_time_places_what_an_unsynchronised_clock_cannot) {
  sample();
  clock.set_wall(kWrong + 77'000'000);  // somebody sets it by hand, wrongly: boot time does not care
  clock.advance(1'000'000);
  sample();
  const auto body = builder.close(clock, offset());
  EXPECT_EQ(times_of(body), (std::vector<std::int64_t>{kRight, kRight + 1'000'000}));
  EXPECT_TRUE(parsed(body).rebased());
}

TEST_F(FrameTimesTest, frames_in_memory_are_placed_and_nothing_else_of_them_changes) {
  auto spool = open(1, 9);
  const auto before = frame();
  spool->append(1, before);
  ASSERT_TRUE(spool->place_times(offset()));
  const auto after = body_of(*spool, 1, 1);
  EXPECT_EQ(times_of(after), (std::vector<std::int64_t>{kRight, kRight + 1'000'000, kRight + 2'000'000}));
  EXPECT_TRUE(parsed(after).unsynchronised());
  EXPECT_TRUE(parsed(after).rebased());
  auto same = parsed(after);
  same.set_wall_us(parsed(before).wall_us());
  same.clear_rebased();
  EXPECT_EQ(same.SerializeAsString(), before);
}

TEST_F(FrameTimesTest, they_are_placed_once) {
  auto spool = open(1, 9);
  spool->append(1, frame());
  ASSERT_TRUE(spool->place_times(offset()));
  const auto first = body_of(*spool, 1, 1);
  ASSERT_TRUE(spool->place_times(offset() + 5'000'000));
  EXPECT_EQ(body_of(*spool, 1, 1), first) << "it may be on its way by now";
}

TEST_F(FrameTimesTest, frames_on_disk_are_placed_durably_under_their_numbers) {
  constexpr int kFrames = 200;
  {
    auto spool = open(1, 9, 4'096);
    for (int i = 0; i < kFrames; ++i) spool->append(1, frame());
    spool->set_definitions(builder.definitions());
    ASSERT_TRUE(spool->flush());
    ASSERT_TRUE(spool->place_times(offset()));
    std::size_t on_disk = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder.path())) on_disk += file.file_size();
    EXPECT_EQ(spool->disk_bytes(), on_disk);
    EXPECT_LT(on_disk, spool->written_bytes() * 6 / 10) << "what was replaced is gone";
  }
  auto spool = open(2, 10);  // another boot: nothing could be placed any more
  for (int i = 0; i < kFrames; ++i) {
    const auto body = body_of(*spool, 1, static_cast<std::uint64_t>(i + 1));
    EXPECT_TRUE(parsed(body).rebased());
    EXPECT_EQ(times_of(body).at(0), kRight + i * 3'000'000LL);
  }
  EXPECT_EQ(spool->damaged_records(), 0u);
  EXPECT_EQ(spool->held(), static_cast<std::size_t>(kFrames));
  spool->acknowledged(session_id(1), 1, kFrames);
  spool.reset();
  EXPECT_EQ(open(3, 10)->held(), 0u);
}

TEST_F(FrameTimesTest, an_agent_started_again_in_the_same_boot_places_what_its_forerunner_left) {
  {
    auto spool = open(1, 9);
    spool->append(1, frame());
    ASSERT_TRUE(spool->flush());
  }
  auto spool = open(2, 9);
  ASSERT_TRUE(spool->place_times(offset()));
  EXPECT_EQ(times_of(body_of(*spool, 1, 1)).at(0), kRight);
}

TEST_F(FrameTimesTest, frames_of_an_earlier_boot_stay_as_they_are_flagged) {
  std::string before;
  {
    auto spool = open(1, 9);
    spool->append(1, before = frame());
    ASSERT_TRUE(spool->flush());
  }
  auto spool = open(2, 10);
  ASSERT_TRUE(spool->place_times(offset()));
  EXPECT_EQ(body_of(*spool, 1, 1), before);
  EXPECT_TRUE(parsed(before).unsynchronised());
  EXPECT_FALSE(parsed(before).rebased());
}

TEST_F(FrameTimesTest, an_offset_before_1970_or_a_body_that_is_none_is_left_alone) {
  const auto body = frame();
  EXPECT_FALSE(placed(body, -clock.boot_us() - 1'000));
  EXPECT_FALSE(placed("\xff\xff", offset()));
  EXPECT_FALSE(is_unplaced("\xff\xff"));
}

TEST_F(FrameTimesTest, a_file_that_cannot_be_read_is_not_taken_for_an_empty_frame) {
  auto spool = open(1, 9);
  spool->append(1, frame());
  ASSERT_TRUE(spool->flush());
  const std::string away = folder.path() + ".away";
  std::filesystem::rename(folder.path(), away);
  ASSERT_TRUE(spool->place_times(offset()));
  std::filesystem::rename(away, folder.path());
  EXPECT_EQ(times_of(body_of(*spool, 1, 1)).size(), 3u);
}

TEST_F(FrameTimesTest, a_disk_that_refuses_loses_nothing) {
  auto spool = open(1, 9, 1'024);
  for (int i = 0; i < 50; ++i) spool->append(1, frame());
  ASSERT_TRUE(spool->flush());
  std::vector<std::filesystem::path> in_the_way;  // no new file can be made
  for (int n = 0; n < 200; ++n) {
    char name[32];
    std::snprintf(name, sizeof name, "/%012d.spool", n);
    std::error_code is_a_file;
    if (std::filesystem::create_directory(folder.path() + name, is_a_file)) in_the_way.push_back(folder.path() + name);
  }
  EXPECT_FALSE(spool->place_times(offset()));
  EXPECT_FALSE(spool->flush());
  for (std::uint64_t n = 1; n <= 50; ++n) EXPECT_EQ(times_of(body_of(*spool, 1, n)).size(), 3u) << n;
  for (const auto& path : in_the_way) std::filesystem::remove(path);
  ASSERT_TRUE(spool->flush());
  for (std::uint64_t n = 1; n <= 50; ++n) EXPECT_EQ(times_of(body_of(*spool, 1, n)).size(), 3u) << n;
  EXPECT_EQ(spool->held(), 50u);
  spool.reset();
  spool = open(2, 9);
  EXPECT_EQ(spool->damaged_records(), 0u);
  ASSERT_TRUE(spool->place_times(offset()));
  for (std::uint64_t n = 1; n <= 50; ++n) EXPECT_TRUE(parsed(body_of(*spool, 1, n)).rebased()) << n;
}

}  // namespace
}  // namespace agent
