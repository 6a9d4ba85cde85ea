#include "wire/decimals.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace {

struct Found {
  std::optional<int> scale;
  std::vector<std::int64_t> decimals;
};
Found find(const std::vector<double>& values) {
  Found found{std::nullopt, std::vector<std::int64_t>(values.size())};
  found.scale = wire::find_decimals(values, found.decimals);
  return found;
}

TEST(Decimals, smallest_scale_that_is_exact_for_all) {
  EXPECT_EQ(find({1, 2, -3}).scale, 0);
  EXPECT_EQ(find({1, 2.5, 3}).scale, 1);
  const auto found = find({21.5, 21.53, 22, -0.07});
  EXPECT_EQ(found.scale, 2);
  EXPECT_EQ(found.decimals, (std::vector<std::int64_t>{2150, 2153, 2200, -7}));
  EXPECT_EQ(find({}).scale, 0);
}

TEST(Decimals, whole_numbers_to_2_to_the_53) {
  const double largest = 9007199254740992.0;
  for (const double value : {1.9e15, 2.1e15, 4503599627370497.0, largest - 1, largest}) {
    const auto found = find({value, -value});
    ASSERT_EQ(found.scale, 0) << value;
    EXPECT_EQ(found.decimals[0], static_cast<std::int64_t>(value));
    EXPECT_EQ(found.decimals[1], -static_cast<std::int64_t>(value));
  }
  EXPECT_FALSE(find({2 * largest}).scale);
}

TEST(Decimals, what_is_no_decimal_is_not_taken_for_one) {
  for (const double value :
       {-0.0, std::nan(""), std::numeric_limits<double>::infinity(), 5e-324, 1e300, 1.0 / 3, std::sqrt(2.0)}) {
    EXPECT_FALSE(find({1, value}).scale) << value;
    EXPECT_FALSE(find({value, 1}).scale) << value;
  }
}

TEST(Decimals, whatever_is_found_gives_the_same_bits) {
  std::mt19937_64 random(1);
  int found_some = 0;
  for (int run = 0; run < 5'000; ++run) {
    std::vector<double> values(1 + random() % 20);
    for (auto& v : values) {
      const auto n = static_cast<double>(static_cast<std::int64_t>(random() % (1ull << (1 + random() % 53))));
      v = (random() % 2 == 0 ? n : -n) / wire::kDecimalPower[random() % wire::kDecimalScales];
    }
    const auto found = find(values);
    if (!found.scale) continue;
    ++found_some;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double again = static_cast<double>(found.decimals[i]) / wire::kDecimalPower[*found.scale];
      ASSERT_EQ(std::bit_cast<std::uint64_t>(again), std::bit_cast<std::uint64_t>(values[i]));
    }
  }
  EXPECT_GT(found_some, 100);
}

}  // namespace
