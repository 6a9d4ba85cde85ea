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

TEST(CloneWatch, restarts_and_reconnections_are_no_clones) {
  CloneWatch watch;
  for (std::uint8_t start = 1; start < 50; ++start) {
    EXPECT_FALSE(watch.connected(kKitchen, process(start)));
    EXPECT_FALSE(watch.connected(kKitchen, process(start))) << "the same again";
  }
}

TEST(CloneWatch, a_process_that_comes_back_after_another_is_one_of_two) {
  CloneWatch watch;
  EXPECT_FALSE(watch.connected(kKitchen, process(1)));
  EXPECT_FALSE(watch.connected(kKitchen, process(2)));
  EXPECT_TRUE(watch.connected(kKitchen, process(1)));
  EXPECT_TRUE(watch.connected(kKitchen, process(2)));
  EXPECT_FALSE(watch.connected(kKitchen, process(2)));
  EXPECT_FALSE(watch.connected(kAttic, process(1))) << "each device for itself";
}

TEST(CloneWatch, four_processes_are_remembered) {
  CloneWatch watch;
  for (const std::uint8_t n : {1, 2, 3, 4}) EXPECT_FALSE(watch.connected(kKitchen, process(n)));
  EXPECT_TRUE(watch.connected(kKitchen, process(1)));
  EXPECT_FALSE(watch.connected(kKitchen, process(5)));
  EXPECT_FALSE(watch.connected(kKitchen, process(2))) << "forgotten: four came after it";
}

}  // namespace
}  // namespace hub
