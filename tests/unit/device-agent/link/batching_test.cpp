#include "device-agent/link/batching.h"

#include <gtest/gtest.h>

#include <vector>

namespace agent {
namespace {

/// Sizes of the frames that `turns` sampling turns of `readings` each make; `late_us`: by how much each turn is late.
std::vector<std::size_t> frames(const BatchLimits& limits, std::int64_t interval_us, std::size_t readings, int turns,
                                bool is_live = true, std::int64_t late_us = 3'000) {
  Batching batching(limits);
  std::vector<std::size_t> sizes;
  std::size_t open = 0;
  for (int i = 0; i < turns; ++i) {
    const std::int64_t now = i * interval_us + late_us;
    for (std::size_t r = 0; r < readings; ++r) {
      if (batching.is_full()) {
        sizes.push_back(std::exchange(open, 0));
        batching.closed();
      }
      batching.added(0, now);
      ++open;
    }
    if (batching.is_due(now + 500, interval_us - late_us - 500, is_live)) {
      sizes.push_back(std::exchange(open, 0));
      batching.closed();
    }
  }
  return sizes;
}

using Sizes = std::vector<std::size_t>;

TEST(Batching, a_turn_each_second_leaves_at_once) {
  EXPECT_EQ(frames({}, 1'000'000, 10, 4), (Sizes{10, 10, 10, 10}));
  EXPECT_EQ(frames({}, 60'000'000, 3, 2), (Sizes{3, 3}));
}

TEST(Batching, faster_turns_share_a_frame_within_the_latency) {
  EXPECT_EQ(frames({}, 100'000, 1, 30), (Sizes{10, 10, 10}));
  EXPECT_EQ(frames({}, 100'000, 100, 20), (Sizes{1'000, 1'000}));
  EXPECT_EQ(frames({0, 10'000'000}, 100'000, 1, 3), (Sizes{1, 1, 1})) << "no latency at all is wanted";
}

TEST(Batching, who_allows_more_latency_pays_fewer_bytes) {
  EXPECT_EQ(frames({10'000'000, 60'000'000}, 1'000'000, 10, 30), (Sizes{100, 100, 100}));
}

TEST(Batching, what_a_power_cut_may_cost_bounds_the_latency) {
  EXPECT_EQ(frames({60'000'000, 5'000'000}, 1'000'000, 1, 10), (Sizes{5, 5}));
}

TEST(Batching, nobody_waits_while_the_hub_is_away) {
  EXPECT_EQ(frames({}, 1'000'000, 10, 23, false), (Sizes{110, 110}));
  EXPECT_EQ(frames({}, 1'000'000, 600, 4, false), (Sizes{1'000, 1'000}));
}

TEST(Batching, a_frame_is_full_by_number_and_by_bytes_in_the_middle_of_a_turn_too) {
  EXPECT_EQ(frames({}, 1'000'000, 2'500, 1), (Sizes{1'000, 1'000, 500}));
  Batching batching({});
  int texts = 0;
  while (!batching.is_full()) batching.added(1'024, 0), ++texts;
  EXPECT_EQ(texts, 32);
  EXPECT_FALSE(Batching({}).is_due(1'000'000'000, 0, true)) << "nothing is there";
}

TEST(Batching, what_comes_by_itself_leaves_at_once_and_then_once_a_latency) {
  Batching batching({});
  EXPECT_FALSE(batching.arrivals_due_us(true));
  batching.arrived(7'000'000);
  batching.arrived(7'002'000);
  EXPECT_EQ(batching.arrivals_due_us(true), 7'005'000) << "with what is said in the same breath";
  EXPECT_FALSE(batching.arrivals_due_us(false)) << "nobody waits";
  batching.arrivals_left(7'005'000);
  EXPECT_FALSE(batching.arrivals_due_us(true));
  batching.arrived(7'300'000);
  EXPECT_EQ(batching.arrivals_due_us(true), 7'905'000);
  batching.arrivals_taken();
  EXPECT_FALSE(batching.arrivals_due_us(true)) << "a turn took it";
  batching.arrived(8'005'000);
  EXPECT_EQ(batching.arrivals_due_us(true), 8'010'000) << "who speaks once a second never waits";
}

TEST(Batching, without_a_latency_arrivals_are_still_bounded) {
  Batching batching({0, 10'000'000});
  batching.arrivals_left(1'000'000);
  batching.arrived(1'000'001);
  EXPECT_EQ(batching.arrivals_due_us(true), 1'020'000);
}

}  // namespace
}  // namespace agent
