#include <gtest/gtest.h>

#include "hub/storage/sqlite/hub_database.h"
#include "hub/storage/sqlite/migrations.h"
#include "tests/fakes/hub_fixture.h"

namespace hub::sqlite {
namespace {

using fakes::count_rows;
using fakes::HubFiles;

TEST(DeviceStore, device_comes_back_as_it_was_written) {
  HubFiles files;
  auto device = files.enrol("boiler");
  device.tags = {{"room", "cellar"}, {"owner", "\"quoted\" \n ünï"}};
  device.attributes = {{"model", "x"}};
  device.commands = {{"reboot", "Reboot", R"({"type":"object"})", "admin", true, 5000}, {"ping", "", "", "", false, 0}};
  device.last_seen_us = 77;
  ASSERT_TRUE(files.devices->update_device(device));
  files.reopen();
  const auto loaded = files.devices->load_devices().value();
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(loaded[0].id, device.id);
  EXPECT_EQ(loaded[0].name, "boiler");
  EXPECT_EQ(loaded[0].created_us, device.created_us);
  EXPECT_EQ(loaded[0].last_seen_us, 77);
  EXPECT_EQ(loaded[0].tags, device.tags);
  EXPECT_EQ(loaded[0].attributes, device.attributes);
  EXPECT_EQ(loaded[0].commands, device.commands);
}

TEST(DeviceStore, taken_name_is_a_conflict) {
  HubFiles files;
  files.enrol("one");
  auto two = files.enrol("two");
  two.name = "one";
  EXPECT_EQ(to_errc(files.devices->update_device(two).error()), errc::conflict);
  EXPECT_EQ(files.devices->load_devices().value()[1].name, "two");
}

TEST(DeviceStore, unknown_device_is_not_found) {
  HubFiles files;
  DeviceRecord stranger;
  stranger.id = DeviceId("dx");
  stranger.name = "x";
  EXPECT_EQ(to_errc(files.devices->update_device(stranger).error()), errc::not_found);
  EXPECT_EQ(to_errc(files.devices->remove_device(stranger.id, 1).error()), errc::not_found);
}

TEST(DeviceStore, last_seen_never_goes_back) {
  HubFiles files;
  const auto device = files.enrol("a");
  ASSERT_TRUE(files.devices->update_last_seen({{device.id, 50}}));
  ASSERT_TRUE(files.devices->update_last_seen({{device.id, 40}}));
  EXPECT_EQ(files.devices->load_devices().value()[0].last_seen_us, 50);
}

TEST(DeviceStore, series_ids_are_never_given_again) {
  HubFiles files;
  const auto device = files.enrol("a");
  std::vector<SeriesRecord> series{{SeriesId{}, device.id, "t", "C", ValueType::number, 1000, 1},
                                   {SeriesId{}, device.id, "h", "%", ValueType::number, 1000, 1}};
  ASSERT_TRUE(files.devices->add_series(series));
  EXPECT_NE(raw(series[0].id), 0u);
  EXPECT_NE(series[0].id, series[1].id);
  const auto newest = std::max(raw(series[0].id), raw(series[1].id));
  ASSERT_TRUE(files.db->connection().execute("DELETE FROM series"));
  files.reopen();
  std::vector<SeriesRecord> later{{SeriesId{}, device.id, "t", "C", ValueType::number, 1000, 1}};
  ASSERT_TRUE(files.devices->add_series(later));
  EXPECT_GT(raw(later[0].id), newest);
}

TEST(DeviceStore, series_are_added_all_or_none) {
  HubFiles files;
  const auto device = files.enrol("a");
  std::vector<SeriesRecord> series{{SeriesId{}, device.id, "t", "C", ValueType::number, 0, 1},
                                   {SeriesId{}, device.id, "t", "C", ValueType::number, 0, 1}};
  EXPECT_EQ(to_errc(files.devices->add_series(series).error()), errc::conflict);
  EXPECT_EQ(raw(series[0].id), 0u);
  EXPECT_TRUE(files.devices->load_series().value().empty());
}

TEST(DeviceStore, intervals_are_updated_together) {
  HubFiles files;
  const auto device = files.enrol("a");
  std::vector<SeriesRecord> series{{SeriesId{}, device.id, "t", "C", ValueType::boolean, 1, 1},
                                   {SeriesId{}, device.id, "h", "%", ValueType::location, 2, 3}};
  ASSERT_TRUE(files.devices->add_series(series));
  ASSERT_TRUE(files.devices->update_intervals({{series[0].id, 10}, {series[1].id, 20}}));
  const auto loaded = files.devices->load_series().value();
  ASSERT_EQ(loaded.size(), 2u);
  EXPECT_EQ(loaded[0].interval_ms, 10u);
  EXPECT_EQ(loaded[1].interval_ms, 20u);
  EXPECT_EQ(loaded[1].type, ValueType::location);
  EXPECT_EQ(loaded[1].revision, 3u);
  EXPECT_EQ(loaded[1].unit, "%");
}

TEST(DeviceStore, removed_device_leaves_a_tombstone_and_frees_its_name) {
  HubFiles files;
  const auto device = files.enrol("a");
  std::vector<SeriesRecord> series{{SeriesId{}, device.id, "t", "C", ValueType::number, 0, 1}};
  ASSERT_TRUE(files.devices->add_series(series));
  ASSERT_TRUE(files.devices->remove_device(device.id, 9));
  EXPECT_TRUE(files.devices->load_devices().value().empty());
  EXPECT_TRUE(files.devices->load_series().value().empty());
  EXPECT_TRUE(files.credentials->load_device_tokens().value().empty());
  EXPECT_EQ(count_rows(files.db->connection(), "SELECT COUNT(*) FROM devices WHERE removed_us = 9"), 1);
  EXPECT_EQ(to_errc(files.devices->remove_device(device.id, 10).error()), errc::not_found);

  DeviceRecord again;
  again.id = DeviceId("d-second");
  again.name = "a";
  ASSERT_TRUE(files.credentials->enrol_device("", again, {again.id, "another hash", 1}));
  EXPECT_EQ(files.devices->load_devices().value()[0].id, again.id);
}

// --- credentials ---

TEST(CredentialStore, user_is_replaced_by_name_and_signed_out) {
  HubFiles files;
  ASSERT_TRUE(files.credentials->put_user({UserId("u1"), "ann", "hash", "admin", 5}));
  ASSERT_TRUE(files.credentials->put_session({"s1", UserId("u1"), 1, 100, 1}));
  ASSERT_TRUE(files.credentials->put_user({UserId("u2"), "ann", "hash 2", "viewer", 6}));
  const auto users = files.credentials->load_users().value();
  ASSERT_EQ(users.size(), 1u);
  EXPECT_EQ(users[0].id, UserId("u1"));
  EXPECT_EQ(users[0].password_hash, "hash 2");
  EXPECT_EQ(users[0].role, "viewer");
  EXPECT_TRUE(files.credentials->load_sessions(0).value().empty());
}

TEST(CredentialStore, user_keeps_one_session_where_told_and_all_with_other_rights) {
  HubFiles files;
  ASSERT_TRUE(files.credentials->put_user({UserId("u1"), "ann", "hash", "admin", 5, {"*"}}));
  for (const char* session : {"s1", "s2"}) {
    ASSERT_TRUE(files.credentials->put_session({session, UserId("u1"), 1, 100, 1}));
  }
  ASSERT_TRUE(files.credentials->change_rights(UserId("u1"), "viewer", {"a", "b"}));
  EXPECT_EQ(files.credentials->load_users().value()[0].role, "viewer");
  EXPECT_EQ(files.credentials->load_users().value()[0].groups, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(files.credentials->load_sessions(0).value().size(), 2u);
  EXPECT_EQ(to_errc(files.credentials->change_rights(UserId("u9"), "viewer", {}).error()), errc::not_found);
  ASSERT_TRUE(files.credentials->put_user({UserId("u1"), "ann", "hash 2", "viewer", 5}, "s2"));
  const auto sessions = files.credentials->load_sessions(0).value();
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_EQ(sessions[0].token_sha256, "s2");
}

TEST(CredentialStore, users_of_before_groups_see_every_device) {
  const fakes::TemporaryFolder folder;
  const std::string path = folder.file("hub.db");
  {
    auto db = Database::open(path, {}).value();
    ASSERT_TRUE(migrate(db, path, embedded_migrations().first(2)));
    ASSERT_TRUE(db.execute("INSERT INTO users VALUES ('u1', 'ann', 'hash', 'viewer', 5)"));
  }
  auto db = HubDatabase::open(path, {}).value();
  const auto users = make_credential_store(*db)->load_users().value();
  ASSERT_EQ(users.size(), 1u);
  EXPECT_EQ(users[0].groups, std::vector<std::string>{"*"});
}

TEST(CredentialStore, unknown_role_is_refused) {
  HubFiles files;
  EXPECT_FALSE(files.credentials->put_user({UserId("u1"), "ann", "hash", "emperor", 5}));
}

TEST(CredentialStore, sessions_end_with_their_user_and_their_time) {
  HubFiles files;
  ASSERT_TRUE(files.credentials->put_user({UserId("u1"), "ann", "hash", "admin", 5}));
  ASSERT_TRUE(files.credentials->put_user({UserId("u2"), "bob", "hash", "viewer", 5}));
  ASSERT_TRUE(files.credentials->put_session({"s1", UserId("u1"), 1, 100, 2}));
  ASSERT_TRUE(files.credentials->put_session({"s2", UserId("u2"), 1, 200, 2}));
  EXPECT_EQ(files.credentials->load_sessions(50).value().size(), 2u);
  EXPECT_EQ(files.credentials->load_sessions(100).value().size(), 1u);
  ASSERT_TRUE(files.credentials->remove_user(UserId("u2")));
  EXPECT_TRUE(files.credentials->load_sessions(0).value().empty());
  EXPECT_EQ(to_errc(files.credentials->remove_user(UserId("u2")).error()), errc::not_found);
  EXPECT_FALSE(files.credentials->put_session({"s3", UserId("u2"), 1, 200, 2}));  // of nobody
}

TEST(CredentialStore, enrolment_is_used_up_with_the_device_it_made) {
  HubFiles files;
  EnrolmentRecord enrolment{"e1", "token hash", "", {{"site", "north"}}, 10, 1000, 1};
  ASSERT_TRUE(files.credentials->put_enrolment(enrolment));
  auto found = files.credentials->find_enrolment("token hash").value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->tags, enrolment.tags);
  EXPECT_EQ(found->uses_left, 1u);
  EXPECT_FALSE(files.credentials->find_enrolment("another").value());

  DeviceRecord device;
  device.id = DeviceId("d1");
  device.name = "pump";
  ASSERT_TRUE(files.credentials->enrol_device("e1", device, {device.id, "h1", 1}));
  EXPECT_EQ(files.credentials->find_enrolment("token hash").value()->uses_left, 0u);
  device.id = DeviceId("d2");
  device.name = "other";
  EXPECT_EQ(to_errc(files.credentials->enrol_device("e1", device, {device.id, "h2", 1}).error()), errc::gone);
}

TEST(CredentialStore, taken_name_does_not_use_the_enrolment) {
  HubFiles files;
  files.enrol("pump");
  ASSERT_TRUE(files.credentials->put_enrolment({"e1", "token hash", "", {}, 10, 1000, 1}));
  DeviceRecord device;
  device.id = DeviceId("d2");
  device.name = "pump";
  EXPECT_EQ(to_errc(files.credentials->enrol_device("e1", device, {device.id, "h2", 1}).error()), errc::conflict);
  EXPECT_EQ(files.credentials->find_enrolment("token hash").value()->uses_left, 1u);
}

}  // namespace
}  // namespace hub::sqlite
