#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/clock.h"

namespace base {
namespace {

TEST(Random, a_seed_repeats_itself) {
  SeededRandom a(7), b(7), c(8);
  EXPECT_EQ(a.next_id(), b.next_id());
  EXPECT_NE(a.next_u64(), c.next_u64());
}

TEST(Random, units_lie_between_zero_and_one) {
  SeededRandom random(1);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double u = random.next_unit();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

TEST(Random, the_kernels_bytes_fill_any_span) {
  SystemRandom random;
  std::vector<std::uint8_t> bytes(1'000);
  random.fill(bytes);
  EXPECT_GT(std::count_if(bytes.begin(), bytes.end(), [](auto b) { return b != 0; }), 900);
  random.fill({});
  EXPECT_NE(random.next_id(), random.next_id());
}

TEST(SystemClock, boot_time_never_goes_back_and_wall_time_is_of_this_century) {
  const SystemClock clock;
  const auto first = clock.boot_us();
  EXPECT_GT(first, 0);
  EXPECT_GE(clock.boot_us(), first);
  EXPECT_GT(clock.now_us(), 1'600'000'000'000'000);
}

}  // namespace
}  // namespace base
