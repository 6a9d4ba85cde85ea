#include "base/processors.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace base {
namespace {

TEST(Processors, only_those_that_may_be_used_count) {
  const unsigned all = usable_processors();
  EXPECT_GE(all, 1u);
  unsigned alone = 0;
  std::thread([&alone] {
    cpu_set_t mine, one;
    ASSERT_EQ(::sched_getaffinity(0, sizeof mine, &mine), 0);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
      if (CPU_ISSET(cpu, &mine)) CPU_SET(cpu, &one);
    }
    ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
    alone = usable_processors();
  }).join();
  EXPECT_EQ(alone, 1u);
  EXPECT_EQ(usable_processors(), all);
}

}  // namespace
}  // namespace base
