#include "device-agent/problem_log.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

namespace agent {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

TEST(ProblemLog, tells_each_once_its_changes_once_a_minute_and_its_end) {
  std::ostringstream text;
  auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(text));
  log->set_pattern("%l %v");
  ProblemLog problems(log);
  const auto told = [&text] {
    const std::string now = text.str();
    text.str("");
    return now;
  };
  problems.note({"exec a: exit code 1", "exec b: hangs"}, 0);
  EXPECT_EQ(told(), "warning exec a: exit code 1\nwarning exec b: hangs\n");
  problems.note({"exec a: exit code 2", "exec b: hangs"}, 30 * kSecond);
  EXPECT_EQ(told(), "") << "another one so soon";
  problems.note({"exec a: exit code 3"}, 61 * kSecond);
  EXPECT_EQ(told(), "warning exec a: exit code 3\n");
  problems.note({"exec a: exit code 3", "exec b: hangs"}, 80 * kSecond);
  EXPECT_EQ(told(), "") << "it was away for less than a minute";
  problems.note({}, 200 * kSecond);
  EXPECT_EQ(told(), "info exec a: works again\ninfo exec b: works again\n");
  problems.note({"exec b: hangs"}, 201 * kSecond);
  EXPECT_EQ(told(), "warning exec b: hangs\n");
}

}  // namespace
}  // namespace agent
