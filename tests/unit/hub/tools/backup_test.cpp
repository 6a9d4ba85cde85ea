// Backups: whole, of one moment, also while the hub stores, seals and compacts; and never restored in part.
#include "hub/tools/backup.h"

#include <atomic>

#include "hub/storage/sqlite/folder_check.h"
#include "hub/storage/sqlite/folder_reader.h"
#include "hub/tools/archive.h"
#include "tests/unit/hub/tools/tools_fixture.h"

namespace {

using hub::tools::make_backup;
using hub::tools::restore_backup;
using hub::tools::verify_backup;

void ignore(double, const std::string&) {}

class Backup : public tools_test::Tools {
 protected:
  std::string file() const { return elsewhere_.path() + "/hub.tar.zst"; }
  std::string restored() const { return elsewhere_.path() + "/restored"; }

  std::vector<double> values_in(const std::string& folder, hub::SeriesId series) {
    const auto reader = hub::sqlite::FolderReader::open(folder);
    EXPECT_TRUE(reader) << reader.error().detail;
    if (!reader) return {};
    const auto page = (*reader)->query_raw({series, 0, 2 * tools_test::kDay0, 100'000, std::nullopt});
    EXPECT_TRUE(page);
    return page ? std::get<0>(page->values) : std::vector<double>();
  }
  static std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
};

TEST_F(Backup, restored_folder_answers_the_same_and_a_hub_goes_on_in_it) {
  fill();
  const auto made = make_backup(folder_.path(), file(), clock_.now_us(), ignore);
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->head.commit, store_->head().commit);
  EXPECT_EQ(made->hub_id, "0123456789abcdef");
  EXPECT_TRUE(made->missing.empty());
  EXPECT_EQ(names_in(elsewhere_.path()), std::vector<std::string>{"hub.tar.zst"}) << "scratch files stay";
  EXPECT_EQ(std::filesystem::status(file()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);

  const auto put_back = restore_backup(file(), restored(), random_, ignore);
  ASSERT_TRUE(put_back) << put_back.error().detail;
  EXPECT_EQ(text_of(restored() + "/tls/ca.key"), "a key\n");
  for (const hub::SeriesId series : {tools_test::kSeries, hub::SeriesId{8}})
    EXPECT_EQ(values_in(restored(), series), values_in(folder_.path(), series));

  const auto old_head = store_->head();
  store_.reset();
  options_.folder = restored();
  open();
  EXPECT_EQ(store_->head().commit, old_head.commit);
  EXPECT_NE(store_->head().journal_epoch, old_head.journal_epoch) << "a viewer could go on in another history";
  EXPECT_EQ(client().cursors({fakes::stream_of("b")}).value().front(), 2u);
  ASSERT_TRUE(
      client().append(fakes::number_frame(fakes::stream_of("b"), 3, tools_test::kSeries, {clock_.now_us()}, {43})));
  EXPECT_EQ(values_in(restored(), tools_test::kSeries).back(), 43);
}

TEST_F(Backup, what_a_stream_lacks_since_the_backup_is_a_gap_of_the_restore) {
  fill();
  const std::int64_t made_at = clock_.now_us();
  ASSERT_TRUE(make_backup(folder_.path(), file(), made_at, ignore));
  ASSERT_TRUE(restore_backup(file(), restored(), random_, ignore));
  store_.reset();
  options_.folder = restored();
  clock_.advance(60'000'000);
  open();
  const auto hole = [&](const char* stream, std::uint64_t first, std::uint64_t last, const char* reporter) {
    hub::StoredFrame frame;
    frame.stream = fakes::stream_of(stream);
    frame.first_sequence = first;
    frame.last_sequence = last;
    frame.received_at_us = clock_.now_us();
    frame.gaps.push_back({frame.stream.device, {}, 0, 0, 0, false, hub::GapReason::missing_before, reporter});
    ASSERT_TRUE(client().append(std::move(frame)));
  };
  hole("b", 3, 9, "hub");     // known to the backup: the restore forgot what followed
  hole("b", 10, 12, "hub");   // after the restore: the device skipped numbers
  hole("c", 1, 5, "hub");     // a stream younger than the backup
  hole("d", 1, 5, "device");  // what the device says stays
  const auto reasons = [&](const char* stream) {
    std::vector<std::pair<hub::GapReason, std::int64_t>> found;
    for (const auto& gap : client().gaps({fakes::stream_of(stream).device, {}, 0, clock_.now_us() + 1}).value())
      if (gap.reason != hub::GapReason::spool_full) found.emplace_back(gap.reason, gap.from_us);
    return found;
  };
  using Reasons = std::vector<std::pair<hub::GapReason, std::int64_t>>;
  const Reasons both{{hub::GapReason::restore, made_at}, {hub::GapReason::missing_before, 0}};
  EXPECT_EQ(reasons("b"), both);
  EXPECT_EQ(reasons("c"), (Reasons{{hub::GapReason::restore, made_at}}));
  EXPECT_EQ(reasons("d"), (Reasons{{hub::GapReason::missing_before, 0}}));
}

TEST_F(Backup, each_one_made_while_the_hub_works_is_of_one_moment) {
  options_.compact_late_us = 1;
  open();
  put_day(tools_test::kDay0);
  std::atomic<bool> ends{false};
  std::atomic<std::uint64_t> stored{0};
  // One reading a frame, whose value is its number: what is stored tells which frames are.
  std::thread hub([&] {
    for (std::uint64_t n = 1; !ends; ++n) {
      auto frame = fakes::number_frame(fakes::stream_of("b"), n, hub::SeriesId{7},
                                       {tools_test::kDay0 + 20 * tools_test::kOneDayUs + static_cast<std::int64_t>(n)},
                                       {static_cast<double>(n)});
      if (client().append(std::move(frame))) stored = n;
      if (n % 40 == 0) clock_.advance(tools_test::kOneDayUs);
    }
  });
  for (int round = 0; round < 12 && !HasFatalFailure(); ++round) {
    const std::uint64_t before = stored;
    wait_until([&] { return stored > before + 20; });
    const std::uint64_t promised = stored;
    const std::string backup = elsewhere_.path() + "/" + std::to_string(round) + ".tar.zst";
    const std::string folder = elsewhere_.path() + "/" + std::to_string(round);
    const auto made = make_backup(folder_.path(), backup, clock_.now_us(), ignore);
    ASSERT_TRUE(made) << made.error().detail;
    EXPECT_TRUE(made->missing.empty()) << made->missing.front();
    const auto put_back = restore_backup(backup, folder, random_, ignore);
    ASSERT_TRUE(put_back) << put_back.error().detail;
    auto values = values_in(folder, hub::SeriesId{7});
    ASSERT_GE(values.size(), 1'440u);
    values.erase(values.begin(), values.begin() + 1'440);  // the first day's
    ASSERT_GE(values.size(), promised) << "acknowledged before the backup began, and not in it";
    for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], static_cast<double>(i + 1));
  }
  ends = true;
  hub.join();
}

TEST_F(Backup, missing_file_is_told_and_all_else_is_saved) {
  fill();
  store_.reset();
  const std::string lost = files().front();
  std::filesystem::remove(path_of(lost));
  const auto made = make_backup(folder_.path(), file(), 1, ignore);
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->missing, std::vector<std::string>{"partitions/" + lost});
  const auto put_back = restore_backup(file(), restored(), random_, ignore);
  ASSERT_TRUE(put_back) << put_back.error().detail;
  EXPECT_EQ(values_in(restored(), hub::SeriesId{8}).size(), 1'440u);
}

TEST_F(Backup, damage_anywhere_is_found_and_nothing_is_restored) {
  fill();
  ASSERT_TRUE(make_backup(folder_.path(), file(), 1, ignore));
  const std::string whole = text_of(file());
  const std::string bad = elsewhere_.path() + "/bad.tar.zst";
  const std::size_t stride = std::max<std::size_t>(1, whole.size() / 150);
  for (std::size_t at = 0; at < whole.size(); at += stride) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    std::ofstream(bad, std::ios::binary) << damaged;
    const auto put_back = restore_backup(bad, restored(), random_, ignore);
    if (put_back) {
      // A bit that nothing depends on (padding, an unused header field): then all is as it was.
      EXPECT_EQ(values_in(restored(), hub::SeriesId{8}).size(), 1'440u) << "byte " << at;
      std::filesystem::remove_all(restored());
    } else {
      EXPECT_NE(put_back.error().detail.find("bad.tar.zst"), std::string::npos) << put_back.error().detail;
    }
    ASSERT_FALSE(std::filesystem::exists(restored())) << "byte " << at;
    ASSERT_FALSE(std::filesystem::exists(restored() + ".restoring")) << "byte " << at;
  }
  for (const std::size_t size : {std::size_t{0}, whole.size() / 2, whole.size() - 1}) {
    std::ofstream(bad, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    EXPECT_FALSE(verify_backup(bad, ignore)) << size << " bytes of " << whole.size();
  }
}

TEST_F(Backup, names_that_lead_out_of_the_folder_are_refused) {
  for (const std::string name : {"../escaped", "/tmp/escaped", "tls/../../escaped", "partitions/a/b", "tls/"}) {
    {
      auto archive = hub::tools::ArchiveWriter::create(file());
      ASSERT_TRUE(archive);
      ASSERT_FALSE((*archive)->begin(name, 1, 0));
      ASSERT_FALSE((*archive)->write("x"));
      ASSERT_FALSE((*archive)->finish());
    }
    const auto put_back = restore_backup(file(), restored(), random_, ignore);
    ASSERT_FALSE(put_back) << name;
    EXPECT_EQ(put_back.error().code, hub::errc::storage_damaged);
    EXPECT_FALSE(std::filesystem::exists(elsewhere_.path() + "/escaped"));
  }
}

TEST_F(Backup, refuses_what_would_overwrite_and_what_is_not_there) {
  fill();
  ASSERT_TRUE(make_backup(folder_.path(), file(), 1, ignore));
  EXPECT_EQ(make_backup(folder_.path(), file(), 1, ignore).error().code, hub::errc::conflict);
  EXPECT_EQ(restore_backup(file(), folder_.path(), random_, ignore).error().code, hub::errc::conflict);
  EXPECT_EQ(restore_backup(elsewhere_.path() + "/none", restored(), random_, ignore).error().code,
            hub::errc::not_found);
  EXPECT_EQ(make_backup(elsewhere_.path(), elsewhere_.path() + "/b", 1, ignore).error().code, hub::errc::not_found);
  EXPECT_EQ(make_backup(folder_.path(), elsewhere_.path() + "/no/such/folder", 1, ignore).error().code,
            hub::errc::invalid_argument);
}

}  // namespace
