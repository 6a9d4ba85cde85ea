#include "device-agent/gpio/gpio_input.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_gpio.h"

namespace agent {
namespace {

class GpioInputTest : public ::testing::Test {
 protected:
  GpioInputTest() {
    kernel->lines["/dev/gpiochip0"] = {{"DOOR"}};
    config.name = "door.open";
    config.setup.address.line = "DOOR";
  }
  GpioInput make() {
    return GpioInput(config, kernel, [this] { return now_ns; });
  }
  static std::vector<std::pair<bool, std::int64_t>> sampled(GpioInput& input) {
    std::vector<Sample> samples;
    input.sample({}, samples);
    std::vector<std::pair<bool, std::int64_t>> out;
    for (const auto& sample : samples) out.emplace_back(std::get<bool>(sample.value), sample.age_us);
    return out;
  }
  using Seen = std::vector<std::pair<bool, std::int64_t>>;

  std::shared_ptr<fakes::FakeGpio> kernel = std::make_shared<fakes::FakeGpio>();
  GpioInputConfig config;
  std::int64_t now_ns = 50'000'000'000;
};

TEST_F(GpioInputTest, its_level_and_every_change_with_the_kernels_time) {
  auto input = make();
  EXPECT_EQ(kernel->line("DOOR").holder, "") << "making one takes nothing";
  EXPECT_EQ(sampled(input), (Seen{{false, 0}}));
  kernel->edge("DOOR", true, now_ns + 100'000'000);
  kernel->edge("DOOR", false, now_ns + 300'000'000);
  now_ns += 1'000'000'000;
  EXPECT_EQ(sampled(input), (Seen{{true, 900'000}, {false, 700'000}, {false, 0}}));
  EXPECT_EQ(sampled(input), (Seen{{false, 0}}));
  EXPECT_EQ(input.problem(), "");
}

TEST_F(GpioInputTest, without_edges_only_the_level) {
  config.setup.wants_edges = false;
  auto input = make();
  (void)sampled(input);
  EXPECT_EQ(kernel->line("DOOR").config.flags & GPIO_V2_LINE_FLAG_EDGE_RISING, 0u);
  kernel->edge("DOOR", true, now_ns);
  EXPECT_EQ(sampled(input), (Seen{{true, 0}}));
}

TEST_F(GpioInputTest, changes_that_ran_over_the_kernels_queue_are_counted) {
  auto input = make();
  (void)sampled(input);
  for (int i = 0; i < 300; ++i) kernel->edge("DOOR", i % 2 == 0, now_ns + i);
  now_ns += 1'000'000;
  EXPECT_EQ(sampled(input).size(), 257u);
  EXPECT_EQ(input.lost_edges(), 44u);
  EXPECT_NE(input.problem().find("44 changes"), std::string::npos);
}

TEST_F(GpioInputTest, what_hinders_it_is_said_and_tried_again) {
  kernel->line("DOOR").holder = "other";
  auto input = make();
  EXPECT_TRUE(sampled(input).empty());
  EXPECT_EQ(input.problem(), "door.open: line DOOR is in use by \"other\"");
  kernel->line("DOOR").holder.clear();
  EXPECT_EQ(sampled(input), (Seen{{false, 0}}));
  EXPECT_EQ(input.problem(), "");
}

TEST_F(GpioInputTest, a_chip_that_is_pulled_out_and_back) {
  auto input = make();
  (void)sampled(input);
  kernel->lines.clear();
  EXPECT_TRUE(sampled(input).empty());
  EXPECT_NE(input.problem().find("is gone"), std::string::npos);
  kernel->lines["/dev/gpiochip3"] = {{"DOOR", "", true}};
  EXPECT_EQ(sampled(input), (Seen{{true, 0}}));
}

}  // namespace
}  // namespace agent
