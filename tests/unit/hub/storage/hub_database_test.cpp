#include "hub/storage/sqlite/hub_database.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "hub/storage/sqlite/migrations.h"
#include "tests/fakes/hub_fixture.h"

namespace hub::sqlite {
namespace {

using fakes::count_rows;
using fakes::HubFiles;
using fakes::TemporaryFolder;

TEST(HubDatabase, new_file_has_the_newest_version_and_is_its_owners_only) {
  TemporaryFolder folder;
  auto db = HubDatabase::open(folder.file("hub.db"));
  ASSERT_TRUE(db);
  EXPECT_EQ(schema_version((*db)->connection()).value(), embedded_migrations().back().version);
  struct stat status {};
  ASSERT_EQ(::stat(folder.file("hub.db").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(HubDatabase, migrations_are_numbered_from_one_without_holes) {
  int expected = 1;
  for (const auto& migration : embedded_migrations()) EXPECT_EQ(migration.version, expected++);
}

TEST(HubDatabase, every_table_is_strict) {
  HubFiles files;
  EXPECT_EQ(count_rows(files.db->connection(),
                       "SELECT COUNT(*) FROM pragma_table_list WHERE schema = 'main' AND type = "
                       "'table' AND NOT strict AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"),
            0);
}

TEST(HubDatabase, newer_file_is_refused_and_left_alone) {
  HubFiles files;
  ASSERT_TRUE(files.db->connection().execute("INSERT INTO schema_version VALUES (9999, 'of the future')"));
  files.close();
  const auto reopened = HubDatabase::open(files.path());
  ASSERT_FALSE(reopened);
  EXPECT_EQ(to_errc(reopened.error()), errc::unsupported_version);
  auto raw = Database::open(files.path());
  ASSERT_TRUE(raw);
  EXPECT_EQ(schema_version(*raw).value(), 9999);
}

TEST(HubDatabase, file_of_something_else_is_refused) {
  TemporaryFolder folder;
  {
    auto other = Database::open(folder.file("hub.db"));
    ASSERT_TRUE(other);
    ASSERT_TRUE(other->execute("CREATE TABLE recipes (name TEXT)"));
  }
  const auto opened = HubDatabase::open(folder.file("hub.db"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(to_errc(opened.error()), errc::storage_damaged);
}

TEST(HubDatabase, migrating_keeps_a_copy_of_what_was_there) {
  HubFiles files;
  ASSERT_TRUE(files.db->set_fact("hub", "ours"));
  const int before = embedded_migrations().back().version;
  std::vector<Migration> longer(embedded_migrations().begin(), embedded_migrations().end());
  longer.push_back({before + 1, "extra", "ALTER TABLE facts ADD COLUMN extra INTEGER; DELETE FROM facts;"});
  ASSERT_TRUE(migrate(files.db->connection(), files.path(), longer));
  EXPECT_EQ(schema_version(files.db->connection()).value(), before + 1);
  EXPECT_EQ(count_rows(files.db->connection(), "SELECT COUNT(*) FROM facts"), 0);

  char suffix[32];
  std::snprintf(suffix, sizeof suffix, ".before-%04d", before + 1);
  auto copy = HubDatabase::open(files.path() + suffix);
  ASSERT_TRUE(copy);
  EXPECT_EQ((*copy)->fact("hub").value(), "ours");
  EXPECT_FALSE(std::filesystem::exists(files.path() + suffix + ".partial"));
}

TEST(HubDatabase, failing_migration_changes_nothing) {
  HubFiles files;
  ASSERT_TRUE(files.db->set_fact("hub", "ours"));
  const int before = embedded_migrations().back().version;
  std::vector<Migration> longer(embedded_migrations().begin(), embedded_migrations().end());
  longer.push_back({before + 1, "broken", "DELETE FROM facts; SELECT no_such_column FROM facts;"});
  ASSERT_FALSE(migrate(files.db->connection(), files.path(), longer));
  EXPECT_EQ(schema_version(files.db->connection()).value(), before);
  EXPECT_EQ(files.db->fact("hub").value(), "ours");
}

TEST(HubDatabase, facts_are_kept_and_replaced) {
  HubFiles files;
  EXPECT_EQ(files.db->fact("hub").value(), std::nullopt);
  ASSERT_TRUE(files.db->set_fact("hub", "a"));
  ASSERT_TRUE(files.db->set_fact("hub", "b"));
  files.reopen();
  EXPECT_EQ(files.db->fact("hub").value(), "b");
}

}  // namespace
}  // namespace hub::sqlite
