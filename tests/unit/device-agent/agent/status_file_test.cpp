#include "device-agent/status_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/fakes/temp_folder.h"

namespace agent {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kMinute = 60'000'000;

class StatusFileTest : public ::testing::Test {
 protected:
  std::string read() const {
    const auto status = read_status(folder.path());
    return status ? status->text : "nothing";
  }
  /// Which file of the state folder stands there: another one after each write into it.
  ino_t file() const {
    struct stat s {};
    return ::lstat((folder.path() + "/status.json").c_str(), &s) == 0 ? s.st_ino : 0;
  }
  fakes::TempFolder folder, memory;
};

TEST_F(StatusFileTest, with_a_runtime_folder_the_state_folder_is_written_once) {
  StatusFile status(folder.path(), memory.path() + "/device-agent");
  status.write("1", "a", 1);
  EXPECT_EQ(read(), "1");
  const auto before = file();
  const auto changed = fs::last_write_time(folder.path());
  for (int i = 2; i < 50; ++i) {
    status.write(std::to_string(i), i % 2 == 0 ? "a" : "b", i * kMinute);
    EXPECT_EQ(read(), std::to_string(i)) << "and what is read is never old";
  }
  EXPECT_EQ(file(), before);
  EXPECT_EQ(fs::last_write_time(folder.path()), changed);
  StatusFile next_start(folder.path(), memory.path() + "/device-agent");
  next_start.write("next", "a", 1);
  EXPECT_EQ(read(), "next");
  EXPECT_EQ(file(), before) << "nor by the next start";
}

TEST_F(StatusFileTest, agents_of_one_machine_do_not_overwrite_each_other) {
  const fakes::TempFolder other;
  StatusFile one(folder.path(), memory.path()), two(other.path(), memory.path());
  one.write("one", "", 1);
  two.write("two", "", 1);
  EXPECT_EQ(read(), "one");
  EXPECT_EQ(read_status(other.path())->text, "two");
}

TEST_F(StatusFileTest, a_status_left_by_an_older_agent_is_replaced) {
  std::ofstream(folder.path() + "/status.json") << "old";
  StatusFile status(folder.path(), memory.path());
  status.write("new", "", 1);
  EXPECT_EQ(read(), "new");
}

TEST_F(StatusFileTest, without_one_it_is_written_on_a_change_of_meaning_and_at_most_once_a_minute) {
  StatusFile status(folder.path(), "");
  status.write("1", "connected", 10);
  EXPECT_EQ(read(), "1") << "the first at once";
  const auto first = file();
  for (int i = 1; i < 600; ++i) status.write("2", "connected", i * 2'000'000);
  EXPECT_EQ(read(), "1") << "only counters moved";
  status.write("3", "waiting", 1'300'000'000);
  EXPECT_EQ(read(), "3");
  status.write("4", "connected", 1'300'000'000 + kMinute - 1);
  EXPECT_EQ(read(), "3") << "too soon";
  status.write("5", "connected", 1'300'000'000 + kMinute);
  EXPECT_EQ(read(), "5") << "but not forgotten";
  EXPECT_FALSE(fs::is_symlink(folder.path() + "/status.json"));
  EXPECT_NE(first, 0u);
}

TEST_F(StatusFileTest, a_runtime_folder_that_goes_away_is_made_do_without) {
  StatusFile status(folder.path(), memory.path() + "/own");
  status.write("1", "a", 1);
  fs::remove_all(memory.path() + "/own");
  status.write("2", "a", 2);
  EXPECT_EQ(read(), "2");
  EXPECT_FALSE(fs::is_symlink(folder.path() + "/status.json"));
}

TEST_F(StatusFileTest, a_clean_end_leaves_nothing_that_looks_alive) {
  for (const std::string& runtime : {memory.path(), std::string()}) {
    StatusFile status(folder.path(), runtime);
    status.write("1", "a", 1);
    EXPECT_EQ(read(), "1");
    status.remove();
    EXPECT_EQ(read(), "nothing");
  }
}

TEST_F(StatusFileTest, a_reader_learns_whether_the_writer_is_still_there) {
  const auto text = [](long pid) {
    return R"({"state":"connected","problem":"disk full","pid":)" + std::to_string(pid) + "}";
  };
  StatusFile status(folder.path(), memory.path());
  status.write(text(::getpid()), "", 1);
  const auto found = read_status(folder.path());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, "connected");
  EXPECT_EQ(found->problem, "disk full");
  EXPECT_TRUE(found->is_running);
  status.write(text(1), "", 1);
  EXPECT_FALSE(read_status(folder.path())->is_running) << "that process is another program";
  status.write(text(99'999'999), "", 1);
  EXPECT_FALSE(read_status(folder.path())->is_running);
  status.write("{ half", "", 1);
  EXPECT_FALSE(read_status(folder.path())->is_running);
}

class RuntimeFolder : public ::testing::Test {
 protected:
  ~RuntimeFolder() override {
    before_ ? ::setenv("RUNTIME_DIRECTORY", before_->c_str(), 1) : ::unsetenv("RUNTIME_DIRECTORY");
  }
  const std::optional<std::string> before_ = [] {
    const char* value = std::getenv("RUNTIME_DIRECTORY");
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  }();
};

TEST_F(RuntimeFolder, is_what_systemd_gives) {
  ::setenv("RUNTIME_DIRECTORY", "/run/greenhouse", 1);
  EXPECT_EQ(find_runtime_folder(), "/run/greenhouse");
  ::setenv("RUNTIME_DIRECTORY", "/run/one:/run/two", 1);
  EXPECT_EQ(find_runtime_folder(), "/run/one");
  ::setenv("RUNTIME_DIRECTORY", "relative", 1);
  EXPECT_NE(find_runtime_folder(), "relative");
}

}  // namespace
}  // namespace agent
