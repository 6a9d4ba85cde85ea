// The data folder and its lock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "hub/data_folder.h"
#include "tests/fakes/temp_folder.h"

namespace hub {
namespace {

using testing::HasSubstr;

TEST(DataFolder, a_second_process_is_kept_out_and_told_by_whom) {
  const fakes::TempFolder temp;
  const std::string path = temp.path() + "/deep/data";
  {
    const auto first = DataFolder::open(path);
    ASSERT_TRUE(first) << first.error().detail;
    const auto second = DataFolder::open(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, errc::conflict);
    EXPECT_THAT(second.error().detail, HasSubstr(std::to_string(::getpid())));
    EXPECT_THAT(second.error().detail, HasSubstr(path));
  }
  EXPECT_TRUE(DataFolder::open(path));
}

TEST(DataFolder, is_for_its_owner_only) {
  const fakes::TempFolder temp;
  const auto folder = DataFolder::open(temp.path() + "/data/");
  ASSERT_TRUE(folder);
  EXPECT_EQ(folder->path(), temp.path() + "/data");
  struct stat status {};
  ASSERT_EQ(::stat(folder->path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST(DataFolder, one_that_cannot_be_made_is_named_with_the_cause) {
  const fakes::TempFolder temp;
  std::ofstream(temp.path() + "/file") << "x";
  for (const auto* name : {"/file", "/file/data"}) {
    const auto folder = DataFolder::open(temp.path() + name);
    ASSERT_FALSE(folder) << name;
    EXPECT_THAT(folder.error().detail, HasSubstr(temp.path() + name));
    EXPECT_THAT(folder.error().detail, HasSubstr("Not a directory"));
  }
}

}  // namespace
}  // namespace hub
