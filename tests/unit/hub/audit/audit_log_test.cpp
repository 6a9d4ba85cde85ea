#include "hub/audit/audit_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/storage/sqlite/audit_check.h"
#include "tests/fakes/hub_fixture.h"

namespace hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AuditTest : public ::testing::Test {
 protected:
  AuditTest() { start(); }
  ~AuditTest() override { stop(); }
  void start() {
    store = sqlite::make_audit_store(*files.db);
    control = std::make_unique<base::Worker>("control");
    log = std::make_unique<AuditLog>(*store, *control, clock);
    EXPECT_TRUE(log->open());
  }
  void stop() {
    control->post([this] { log->tick(); });
    control->flush();
    log.reset();
    control.reset();
    store.reset();
  }
  void restart() {
    stop();
    files.reopen();
    start();
  }
  static AuditEntry entry(const std::string& actor, const std::string& action, const std::string& object = "") {
    AuditEntry made;
    made.actor = actor;
    made.action = action;
    made.object = object;
    return made;
  }
  Outcome<std::uint64_t> begin(AuditEntry made) {
    return fakes::answer_of<std::uint64_t>([&](auto done) { log->begin(std::move(made), done); });
  }
  std::vector<AuditEntry> find(AuditQuery query = {}) {
    std::promise<Result<std::vector<AuditEntry>>> found;
    log->find(std::move(query), [&](auto result) { found.set_value(std::move(result)); });
    return found.get_future().get().value();
  }
  std::vector<std::string> faults() {
    std::uint64_t entries = 0;
    return sqlite::check_audit(*files.db, entries).value();
  }
  void tamper(const std::string& sql) {
    stop();
    ASSERT_TRUE(files.db->connection().execute(sql)) << files.db->connection().last_error();
    start();
  }
  void fill() {
    for (const char* action : {"a", "b", "c", "d"}) log->finish(begin(entry("ann", action)).value(), 200);
    restart();
  }

  fakes::HubFiles files;
  fakes::ManualClock clock;
  std::unique_ptr<AuditStore> store;
  std::unique_ptr<base::Worker> control;
  std::unique_ptr<AuditLog> log;
};

TEST_F(AuditTest, what_is_about_to_happen_is_stored_before_the_answer) {
  const auto begun = begin(entry("ann", "DELETE /api/v1/devices/{device}", "device=kitchen"));
  ASSERT_TRUE(begun);
  // Not by what was closed in an orderly way: the row is in the file now.
  EXPECT_EQ(fakes::count_rows(files.db->connection(), "SELECT count(*) FROM audit WHERE status = 0"), 1);
  log->finish(*begun, 204);
  const auto found = find();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[1].sequence, *begun);
  EXPECT_EQ(found[1].object, "device=kitchen");
  EXPECT_EQ(found[1].status, 0);
  EXPECT_EQ(found[0].of, *begun);
  EXPECT_EQ(found[0].status, 204);
  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(AuditTest, nothing_begins_that_cannot_be_written) {
  ASSERT_TRUE(files.db->connection().execute("ALTER TABLE audit RENAME TO elsewhere"));
  const auto refused = begin(entry("ann", "a"));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("nothing was done"));
  ASSERT_TRUE(files.db->connection().execute("ALTER TABLE elsewhere RENAME TO audit"));
  EXPECT_EQ(begin(entry("ann", "a")).value(), 1u) << "no number is left out";
  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(AuditTest, chain_goes_on_over_restarts) {
  fill();
  ASSERT_EQ(begin(entry("ann", "e")).value(), 9u);
  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(AuditTest, every_kind_of_change_to_the_rows_is_found) {
  fill();
  tamper("UPDATE audit SET actor = 'eve' WHERE sequence = 3");
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("entry 3 was changed")));
  tamper("UPDATE audit SET actor = 'ann' WHERE sequence = 3");
  EXPECT_THAT(faults(), IsEmpty());
  for (const char* column : {"time_us = 1", "credential = 'x'", "address = 'x'", "action = 'x'", "object = 'x'",
                             "detail = 'x'", "status = 7", "of_entry = 7"}) {
    files.db->connection().execute("SAVEPOINT before").value();
    files.db->connection().execute("UPDATE audit SET " + std::string(column) + " WHERE sequence = 5").value();
    EXPECT_THAT(faults(), ElementsAre(HasSubstr("entry 5"))) << column;
    files.db->connection().execute("ROLLBACK TO before; RELEASE before").value();
  }
  tamper("DELETE FROM audit WHERE sequence BETWEEN 4 AND 5");
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("entries 4 to 5 were removed")));
}

TEST_F(AuditTest, cut_end_and_cut_begin_are_found) {
  fill();
  files.db->connection().execute("SAVEPOINT before; DELETE FROM audit WHERE sequence > 6").value();
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("should end with entry 8")));
  files.db->connection().execute("ROLLBACK TO before; DELETE FROM audit WHERE sequence < 3").value();
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("entries 1 to 2 were removed")));
  files.db->connection().execute("ROLLBACK TO before; RELEASE before").value();
}

TEST_F(AuditTest, filters_and_pages) {
  (void)begin(entry("ann", "POST /api/v1/users", "")).value();
  clock.advance(10'000'000);
  const auto later_us = clock.now_us();
  (void)begin(entry("bob", "DELETE /api/v1/users/{user}", "user=eve")).value();
  (void)begin(entry("ann", "DELETE /api/v1/devices/{device}", "device=kitchen")).value();
  const auto actions = [&](AuditQuery query) {
    std::vector<std::uint64_t> numbers;
    for (const auto& one : find(std::move(query))) numbers.push_back(one.sequence);
    return numbers;
  };
  AuditQuery query;
  query.actor = "ann";
  EXPECT_THAT(actions(query), ElementsAre(3, 1));
  query.actor = "an";
  EXPECT_THAT(actions(query), IsEmpty());
  query = {};
  query.action = "/users";
  EXPECT_THAT(actions(query), ElementsAre(2, 1));
  query = {};
  query.object = "kitchen";
  EXPECT_THAT(actions(query), ElementsAre(3));
  query = {};
  query.from_us = later_us;
  query.limit = 1;
  EXPECT_THAT(actions(query), ElementsAre(3));
  query.before = 3;
  EXPECT_THAT(actions(query), ElementsAre(2));
  query = {};
  query.to_us = later_us;
  EXPECT_THAT(actions(query), ElementsAre(1));
}

TEST_F(AuditTest, strangers_cannot_fill_it_and_what_is_left_out_is_said) {
  for (int i = 0; i < 1'000; ++i) log->note(entry("", "POST /api/v1/session"));
  EXPECT_EQ(find(AuditQuery{.limit = 2'000}).size(), 60u);
  clock.advance(1'000'000);
  log->note(entry("", "POST /api/v1/session"));
  const auto found = find();
  EXPECT_EQ(found.front().sequence, 61u);
  EXPECT_EQ(found.front().detail, R"({"left_out":940})");
}

TEST(AuditDetail, secrets_are_taken_out_and_long_bodies_cut) {
  const auto detail = audit_detail(
      R"({"username":"ann","password":"correct horse","old_password":"a","new_password":"b","token":"t","code":"c"})");
  EXPECT_THAT(detail, HasSubstr(R"("username":"ann")"));
  for (const char* secret : {"correct", "\"a\"", "\"b\"", "\"t\"", "\"c\""}) {
    EXPECT_EQ(detail.find(secret), std::string::npos) << detail;
  }
  EXPECT_EQ(audit_detail(""), "");
  EXPECT_EQ(audit_detail("not json"), R"({"bytes":8})");
  EXPECT_EQ(audit_detail("[1]"), R"({"bytes":3})");
  const std::string big = R"({"note":")" + std::string(3'000, 'x') + "\"}";
  EXPECT_EQ(audit_detail(big), R"({"bytes":)" + std::to_string(big.size()) + "}");
}

}  // namespace
}  // namespace hub
