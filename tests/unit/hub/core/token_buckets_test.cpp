#include "hub/core/token_buckets.h"

#include <gtest/gtest.h>

namespace hub {
namespace {

TEST(TokenBuckets, refill_up_to_their_size) {
  TokenBuckets buckets(2, 10, 100);
  EXPECT_TRUE(buckets.take("a", 0));
  EXPECT_TRUE(buckets.take("a", 0));
  EXPECT_FALSE(buckets.take("a", 0));
  EXPECT_TRUE(buckets.take("b", 0));
  EXPECT_FALSE(buckets.take("a", 9));
  EXPECT_TRUE(buckets.take("a", 10));
  EXPECT_TRUE(buckets.take("a", 10'000));
  EXPECT_TRUE(buckets.take("a", 10'000));
  EXPECT_FALSE(buckets.take("a", 10'000));
}

TEST(TokenBuckets, hold_a_bounded_number_of_keys) {
  TokenBuckets buckets(1, 1e9, 3);
  for (const char* key : {"a", "b", "c"}) EXPECT_TRUE(buckets.take(key, 0));
  EXPECT_FALSE(buckets.take("a", 0));  // used again: now b is the oldest
  EXPECT_TRUE(buckets.take("d", 0));
  EXPECT_EQ(buckets.key_count(), 3u);
  EXPECT_FALSE(buckets.take("a", 0));
  EXPECT_TRUE(buckets.take("b", 0));
}

}  // namespace
}  // namespace hub
