// A flipped or cut byte, wherever it is; and files that are not ours to touch.
#include "device-agent/spool/spool_record.h"
#include "tests/unit/device-agent/spool/spool_fixture.h"

namespace agent {
namespace {

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void spill(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// `tail`: six frames in the tail, else in two segments.
class DamageTest : public SpoolFixture, public ::testing::WithParamInterface<bool> {
 protected:
  static constexpr std::uint64_t kFrames = 6;
  DamageTest() {
    options.tail_bytes = GetParam() ? 4 * TailFile::kBlock : 0;
    options.segment_bytes = 4'096;
    auto spool = open(1);
    FrameBuilder builder;
    for (std::uint64_t i = 0; i < kFrames; ++i) {
      spool->append(0, frame(builder, kSpoolTime + static_cast<std::int64_t>(i) * 1'000, 8));
      spool->set_definitions(builder.definitions());
      EXPECT_TRUE(i % 3 != 2 || spool->flush());
    }
    whole = content(*spool, 1).frames;
    spool.reset();
    path = GetParam() ? std::filesystem::path(folder.path() + "/tail") : files().at(0);
    bytes = slurp(path);
  }
  /// Every byte that says something; of the zeros behind it some.
  std::size_t step(std::size_t at) const {
    return bytes.find_first_not_of('\0', at) < at + 64 || at % TailFile::kBlock > TailFile::kBlock - 4 ? 1 : 61;
  }
  void put(const std::string& changed) {
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) std::filesystem::remove(entry.path());
    spill(path, changed);
  }
  /// It starts, gives nothing that was not put in, and whatever is missing is a gap of its own numbers or of the
  /// device.
  void check(std::uint64_t at, bool may_be_unseen) {
    auto spool = open(2);
    const auto found = content(*spool, 1);
    for (const auto& [n, body] : found.frames) ASSERT_EQ(body, whole.at(n)) << at;
    bool is_told = true;
    for (std::uint64_t n = 1; n <= kFrames; ++n) {
      is_told = is_told && (found.frames.contains(n) || found.in_gaps.contains(n));
    }
    ASSERT_TRUE(is_told || found.other_gaps > 0 || may_be_unseen) << at;
    if (!may_be_unseen) {
      ASSERT_GE(spool->findings().damaged + spool->findings().newer, 1u) << at;
      ASSERT_EQ(files(".damaged").size() + files(".newer").size(), 1u) << at;
      if (!files(".damaged").empty()) {
        ASSERT_EQ(slurp(files(".damaged")[0]).size(), std::filesystem::file_size(files(".damaged")[0]));
      }
    }
    // It goes on as if nothing had been.
    FrameBuilder builder;
    const auto made = frame(builder, kSpoolTime);
    const auto n = spool->append(0, made);
    ASSERT_TRUE(spool->flush());
    ASSERT_EQ(spool->read(spool_id(2), 0, n)->bytes, made);
    spool.reset();
    ASSERT_EQ(content(*open(3), 2).frames.at(n), made) << at;
  }

  std::map<std::uint64_t, std::string> whole;
  std::filesystem::path path;
  std::string bytes;
};

TEST_P(DamageTest, a_flip_at_every_byte) {
  ASSERT_EQ(whole.size(), kFrames);
  for (std::size_t at = 0; at < bytes.size(); at += step(at)) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
    put(changed);
    // "TSPOOL2" is a newer version's, untouched.
    check(at, false);
    if (HasFatalFailure()) return;
  }
}

TEST_P(DamageTest, a_cut_at_every_byte) {
  std::set<std::size_t> ends = {0};  // where a shorter spool would end as well
  if (!GetParam()) {
    ends.insert(kSpoolMagic.size());
    (void)scan_file(bytes, [&](const SpoolRecord& r) { ends.insert(r.payload_at + r.payload.size()); });
  }
  for (std::size_t at = 0; at < bytes.size(); at += step(at)) {
    put(bytes.substr(0, at));
    check(at, GetParam() ? at % TailFile::kBlock == 0 : ends.contains(at));
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Spool, DamageTest, ::testing::Bool(),
                         [](const auto& tested) { return std::string(tested.param ? "tail" : "segment"); });

class NewerVersionTest : public SpoolFixture {
 protected:
  NewerVersionTest() { options.tail_bytes = 0; }
};

TEST_F(NewerVersionTest, a_file_of_a_newer_version_is_kept_as_it_is) {
  FrameBuilder builder;
  {
    auto spool = open(1);
    spool->append(0, frame(builder, kSpoolTime));
    ASSERT_TRUE(spool->flush());
  }
  const auto path = files().at(0);
  std::string bytes = slurp(path);
  bytes[6] = '2';
  spill(path, bytes);
  for (std::uint8_t epoch = 2; epoch < 5; ++epoch) {
    auto spool = open(epoch);
    EXPECT_EQ(spool->findings().newer, epoch == 2 ? 1u : 0u);
    EXPECT_EQ(spool->findings().damaged, 0u);
    spool->append(0, frame(builder, kSpoolTime));
    ASSERT_TRUE(spool->flush());
    spool->acknowledged(spool_id(epoch), 0, 1);
  }
  ASSERT_EQ(files(".newer").size(), 1u);
  EXPECT_EQ(slurp(files(".newer")[0]), bytes);
}

TEST_F(NewerVersionTest, a_record_of_a_type_that_is_not_known_keeps_its_file_and_costs_nothing_else) {
  FrameBuilder builder;
  {
    auto spool = open(1);
    for (int i = 0; i < 4; ++i) spool->append(0, frame(builder, kSpoolTime + i * 100));
    ASSERT_TRUE(spool->flush());
  }
  const auto path = files().at(0);
  const std::string bytes = slurp(path) + encode_record('Q', "of tomorrow") + encode_record('T', std::string(8, '\0'));
  spill(path, bytes);
  auto spool = open(2);
  EXPECT_EQ(spool->findings().newer, 1u);
  EXPECT_EQ(spool->findings().damaged, 0u);
  EXPECT_EQ(content(*spool, 1).frames.size(), 4u);
  spool->acknowledged(spool_id(1), 0, 4);
  EXPECT_TRUE(files().empty());
  ASSERT_EQ(files(".newer").size(), 1u);
  EXPECT_EQ(slurp(files(".newer")[0]), bytes);
}

TEST_F(NewerVersionTest, a_file_that_the_system_does_not_give_out_stays_where_it_is) {
  std::filesystem::create_directory(folder.path() + "/000000000007.spool");  // reading it fails, whoever one is
  auto spool = open(1);
  EXPECT_EQ(spool->findings().unreadable, 1u);
  FrameBuilder builder;
  spool->append(0, frame(builder, kSpoolTime));
  ASSERT_TRUE(spool->flush());
  EXPECT_TRUE(std::filesystem::is_directory(folder.path() + "/000000000007.spool"));
  EXPECT_EQ(files().size(), 2u);
}

TEST_F(NewerVersionTest, at_most_eight_damaged_files_are_kept) {
  for (int i = 0; i < 20; ++i) {
    char name[32];
    std::snprintf(name, sizeof name, "/%012d.spool", i + 1);
    spill(folder.path() + name, "this is no spool file " + std::to_string(i));
    auto spool = open(1);
    EXPECT_EQ(spool->findings().damaged, 2u) << "its beginning, and the rest; told once";
  }
  EXPECT_LE(files(".damaged").size(), 9u);
  EXPECT_TRUE(files().empty());
}

TEST_F(NewerVersionTest, a_record_that_goes_bad_under_a_running_agent_costs_itself) {
  options.segment_bytes = 1 << 20;
  auto spool = open(1);
  FrameBuilder builder;
  for (int i = 0; i < 10; ++i) spool->append(0, frame(builder, kSpoolTime + i * 100));
  ASSERT_TRUE(spool->flush());
  std::string bytes = slurp(files().at(0));
  const std::size_t middle = bytes.size() / 2;
  {
    std::fstream file(files().at(0), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(middle));
    file.put(static_cast<char>(bytes[middle] ^ 1));
  }
  const auto found = content(*spool, 1);
  EXPECT_EQ(found.frames.size(), 9u);
  EXPECT_EQ(found.in_gaps.size(), 1u);
  EXPECT_EQ(spool->held(), 10u);
}

}  // namespace
}  // namespace agent
