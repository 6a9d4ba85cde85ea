// check finds what is wrong and nothing else; the folder's other readers agree with its hub.
#include "hub/storage/sqlite/folder_check.h"

#include "hub/storage/sqlite/folder_reader.h"
#include "tests/unit/hub/tools/tools_fixture.h"

namespace {

using hub::sqlite::check_folder;
using hub::sqlite::FolderReader;

class FolderCheck : public tools_test::Tools {
 protected:
  hub::sqlite::CheckReport check() {
    const auto report = check_folder(folder_.path(), [](double share, const std::string&) {
      EXPECT_GE(share, 0);
      EXPECT_LE(share, 1);
    });
    EXPECT_TRUE(report) << report.error().detail;
    return report ? *report : hub::sqlite::CheckReport();
  }
  void expect_fault(const std::string& file, const std::string& what) {
    const auto report = check();
    EXPECT_GT(report.fault_count, 0u);
    bool found = false;
    std::string all;
    for (const auto& one : report.faults) {
      found |= one.file.find(file) != std::string::npos && one.what.find(what) != std::string::npos;
      all += "\n  " + one.file + ": " + one.what;
    }
    EXPECT_TRUE(found) << "no fault of " << file << " with \"" << what << "\" among:" << all;
  }
};

TEST_F(FolderCheck, whole_folder_has_no_faults_while_its_hub_runs_and_after) {
  fill();
  for (const bool runs : {true, false}) {
    if (!runs) store_.reset();
    const auto report = check();
    EXPECT_EQ(report.fault_count, 0u) << report.faults.front().file << ": " << report.faults.front().what;
    EXPECT_EQ(report.warning_count, 0u);
    EXPECT_EQ(report.readings, 1'440u * 2 + 4);  // with the marker of the settled days
    EXPECT_EQ(report.cursors, 1u);
    EXPECT_EQ(report.commits, 2u);
    EXPECT_EQ(report.devices, 2u);
  }
}

TEST_F(FolderCheck, another_process_sees_what_the_hub_answers) {
  fill();
  const auto reader = FolderReader::open(folder_.path());
  ASSERT_TRUE(reader) << reader.error().detail;
  EXPECT_EQ((*reader)->head(), store_->head());
  for (const hub::SeriesId series : {tools_test::kSeries, hub::SeriesId{8}, hub::SeriesId{9}}) {
    const hub::RawQuery query{series, 0, 2 * tools_test::kDay0, 100'000, std::nullopt};
    const auto own = client().raw(query).value();
    const auto other = (*reader)->query_raw(query);
    ASSERT_TRUE(other);
    EXPECT_EQ(own.times_us, other->times_us);
    EXPECT_EQ(own.values, other->values);
    EXPECT_FALSE(own.times_us.empty());
    const hub::BucketQuery buckets{series, tools_test::kDay0, tools_test::kDay0 + tools_test::kOneDayUs, 100};
    if (series != hub::SeriesId{9}) {
      EXPECT_EQ(client().buckets(buckets).value().sum, (*reader)->query_buckets(buckets).value().sum);
    }
  }
  const hub::GapQuery gaps{hub::DeviceId("b"), {}, 0, 2 * tools_test::kDay0};
  EXPECT_EQ((*reader)->query_gaps(gaps).value().size(), 1u);
}

TEST_F(FolderCheck, readings_of_a_day_that_is_replaced_meanwhile_are_found_in_what_replaced_it) {
  options_.compact_late_us = 1;
  open();
  put_day(tools_test::kDay0);
  end_days(2);
  const auto reader = FolderReader::open(folder_.path());
  ASSERT_TRUE(reader);
  put({tools_test::kDay0 + 7}, {1'000});
  end_days(1);
  ASSERT_EQ(files().front(), "2023-11-15-default-g2.db");
  const auto page = (*reader)->query_raw({tools_test::kSeries, 0, 2 * tools_test::kDay0, 100'000, std::nullopt});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->times_us.size(), 1'441u);
}

TEST_F(FolderCheck, damaged_chunk_is_named) {
  fill();
  store_.reset();
  meddle("partitions/" + files().front(),
         "UPDATE chunk SET payload = zeroblob(length(payload)) WHERE id = (SELECT min(id) FROM chunk)");
  expect_fault("partitions/" + files().front(), "chunk ");
}

TEST_F(FolderCheck, header_that_does_not_fit_its_readings_is_named) {
  fill();
  store_.reset();
  meddle("partitions/" + files().front(),
         "UPDATE chunk SET maximum = maximum + 1 WHERE id = (SELECT max(id) FROM chunk)");
  expect_fault("partitions/" + files().front(), "header");
}

TEST_F(FolderCheck, missing_and_unknown_partitions_are_told_apart) {
  fill();
  store_.reset();
  const std::string file = files().front();
  std::filesystem::rename(path_of(file), path_of("2020-01-01-default-g1.db"));
  expect_fault("partitions/" + file, "missing");
  EXPECT_EQ(check().warning_count, 1u);
}

TEST_F(FolderCheck, damaged_commit_is_a_fault_of_the_journal) {
  fill();
  store_.reset();
  meddle(journal_file(), "UPDATE journal SET crc32 = crc32 + 1 WHERE number = (SELECT max(number) FROM journal)");
  expect_fault("journal", "cannot be read");
}

TEST_F(FolderCheck, commit_that_is_not_there_is_a_fault_of_the_journal) {
  fill();
  store_.reset();
  meddle(journal_file(), "DELETE FROM journal WHERE number = (SELECT min(number) FROM journal)");
  expect_fault("journal", "should come before this");
}

TEST_F(FolderCheck, cursor_that_does_not_fit_the_journal_is_a_fault) {
  fill();
  ASSERT_TRUE(
      client().append(fakes::number_frame(fakes::stream_of("a"), sequence_ + 1, tools_test::kSeries, {1}, {1})));
  store_.reset();
  meddle("recent.db", "UPDATE cursor SET sequence = sequence - 1 WHERE device = 'a'");
  expect_fault("journal", "begins at sequence");
}

TEST_F(FolderCheck, readings_of_a_series_that_the_registry_lost_are_a_fault) {
  fill();
  store_.reset();
  meddle("hub.db", "DELETE FROM series WHERE id = 8");
  expect_fault("partitions/", "hub.db has no series 8");
}

TEST_F(FolderCheck, other_folders_and_versions_are_refused_with_the_reason) {
  const auto nothing = check_folder(elsewhere_.path(), [](double, const std::string&) {});
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, hub::errc::not_found);
  EXPECT_NE(nothing.error().detail.find("no hub's data folder"), std::string::npos);
  fill();
  store_.reset();
  meddle("recent.db", "UPDATE meta SET value = 99 WHERE key = 'format'");
  const auto newer = check_folder(folder_.path(), [](double, const std::string&) {});
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, hub::errc::unsupported_version);
  EXPECT_NE(newer.error().detail.find("recent.db"), std::string::npos);
}

}  // namespace
