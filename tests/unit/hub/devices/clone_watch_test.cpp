#include "hub/devices/clone_watch.h"

#include <gtest/gtest.h>

namespace hub {
namespace {

base::Id128 process(std::uint8_t n) {
  base::Id128 id{};
  id.fill(n);
  return id;
}

const DeviceId kKitchen("d-kitchen"), kAttic("d-attic");

constexpr std::int64_t kDay = 86'400'000'000;

TEST(CloneWatch, restarts_and_reconnections_are_no_clones) {
  CloneWatch watch;
  for (std::uint8_t start = 1; start < 50; ++start) {
    EXPECT_FALSE(watch.connected(kKitchen, process(start), start));
    EXPECT_FALSE(watch.connected(kKitchen, process(start), start)) << "the same again";
  }
}

TEST(CloneWatch, two_that_come_back_in_turn_are_clones_and_once_is_chance) {
  CloneWatch watch;
  EXPECT_FALSE(watch.connected(kKitchen, process(1), 0));
  EXPECT_FALSE(watch.connected(kKitchen, process(2), 1));
  EXPECT_FALSE(watch.connected(kKitchen, process(1), 2)) << "a Hello that was overtaken";
  EXPECT_TRUE(watch.connected(kKitchen, process(2), 3));
  EXPECT_FALSE(watch.connected(kKitchen, process(2), 4));
  EXPECT_TRUE(watch.connected(kKitchen, process(1), 5));
  EXPECT_FALSE(watch.connected(kAttic, process(1), 6)) << "each device for itself";
}

TEST(CloneWatch, returns_that_are_days_apart_are_chance_too) {
  CloneWatch watch;
  EXPECT_FALSE(watch.connected(kKitchen, process(1), 0));
  for (int day = 0; day < 10; ++day) {
    EXPECT_FALSE(watch.connected(kKitchen, process(static_cast<std::uint8_t>(1 + day % 2)), day * (kDay + 1))) << day;
  }
}

TEST(CloneWatch, eight_processes_are_remembered) {
  CloneWatch watch;
  std::int64_t now = 0;
  for (std::uint8_t n = 1; n <= 8; ++n) EXPECT_FALSE(watch.connected(kKitchen, process(n), ++now));
  EXPECT_FALSE(watch.connected(kKitchen, process(1), ++now));
  EXPECT_TRUE(watch.connected(kKitchen, process(2), ++now));
  CloneWatch other;
  for (std::uint8_t n = 1; n <= 9; ++n) EXPECT_FALSE(other.connected(kKitchen, process(n), ++now));
  for (std::uint8_t n = 1; n <= 9; ++n) EXPECT_FALSE(other.connected(kKitchen, process(n), ++now)) << "forgotten";
}

}  // namespace
}  // namespace hub
