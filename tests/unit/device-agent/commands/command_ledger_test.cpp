#include "device-agent/commands/command_ledger.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/fakes/temp_folder.h"

namespace agent {
namespace {

namespace pb = telemetry::v1;

pb::ExecutionUpdate update(const std::string& id, const std::string& text) {
  pb::ExecutionUpdate made;
  made.set_id(id);
  made.set_output(text);
  made.set_state(pb::EXECUTION_STATE_SUCCEEDED);
  return made;
}

TEST(CommandLedger, remembers_over_restarts_and_says_the_newest) {
  const fakes::TempFolder folder;
  const std::string path = folder.path() + "/ledger";
  {
    auto ledger = CommandLedger::open(path).value();
    ASSERT_TRUE(ledger.put(update("a", "accepted")));
    ASSERT_TRUE(ledger.put(update("b", "accepted")));
    ASSERT_TRUE(ledger.put(update("a", "done")));
  }
  const auto again = CommandLedger::open(path).value();
  ASSERT_TRUE(again.find("a"));
  EXPECT_EQ(again.find("a")->output(), "done");
  EXPECT_EQ(again.find("b")->output(), "accepted");
  EXPECT_FALSE(again.find("c"));
}

TEST(CommandLedger, holds_the_newest_256) {
  const fakes::TempFolder folder;
  const std::string path = folder.path() + "/ledger";
  auto ledger = CommandLedger::open(path).value();
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(ledger.put(update("e" + std::to_string(i), "x")));
  EXPECT_FALSE(ledger.find("e43"));
  EXPECT_TRUE(ledger.find("e44"));
  EXPECT_TRUE(CommandLedger::open(path)->find("e299"));
}

TEST(CommandLedger, what_has_not_ended_is_kept_before_what_has) {
  const fakes::TempFolder folder;
  auto ledger = CommandLedger::open(folder.path() + "/ledger").value();
  auto running = update("running", "");
  running.set_state(pb::EXECUTION_STATE_RUNNING);
  ASSERT_TRUE(ledger.put(running));
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(ledger.put(update("e" + std::to_string(i), "x")));
  EXPECT_TRUE(ledger.find("running"));
}

TEST(CommandLedger, a_damaged_line_costs_its_own_entry) {
  const fakes::TempFolder folder;
  const std::string path = folder.path() + "/ledger";
  {
    auto ledger = CommandLedger::open(path).value();
    for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(ledger.put(update(id, "x")));
  }
  std::string text;
  {
    std::ifstream in(path);
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto second = text.find('\n') + 12;
  text[second] = text[second] == '0' ? '1' : '0';
  std::ofstream(path) << text;
  const auto ledger = CommandLedger::open(path).value();
  EXPECT_TRUE(ledger.find("a"));
  EXPECT_FALSE(ledger.find("b"));
  EXPECT_TRUE(ledger.find("c"));
}

TEST(CommandLedger, what_cannot_be_written_is_told) {
  const fakes::TempFolder folder;
  auto ledger = CommandLedger::open(folder.path() + "/ledger").value();
  std::filesystem::remove_all(folder.path());
  EXPECT_FALSE(ledger.put(update("a", "accepted")));
}

}  // namespace
}  // namespace agent
