#include "device-agent/gpio/gpio_lines.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_gpio.h"

namespace agent {
namespace {

class GpioLinesTest : public ::testing::Test {
 protected:
  GpioLinesTest() {
    kernel.lines["/dev/gpiochip0"] = {{"GPIO17"}, {"DOOR"}, {""}, {"SIREN"}};
    kernel.lines["/dev/gpiochip1"] = {{"EXP0"}, {"TWICE"}, {"TWICE"}};
  }
  static GpioInputSetup input(const std::string& line) {
    GpioInputSetup setup;
    setup.address.line = line;
    return setup;
  }
  std::string problem_of(const GpioAddress& address) {
    GpioInputSetup setup;
    setup.address = address;
    return lines.take(setup).problem;
  }
  fakes::FakeGpio kernel;
  GpioLines lines{kernel};
};

TEST_F(GpioLinesTest, a_line_is_found_by_its_name_on_any_chip_and_given_back) {
  {
    const auto answer = lines.take(input("EXP0"));
    ASSERT_TRUE(answer.line) << answer.problem;
    EXPECT_EQ(kernel.line("EXP0").holder, "device-agent");
    EXPECT_EQ(kernel.open_descriptors, 1) << "the chips are closed";
  }
  EXPECT_EQ(kernel.line("EXP0").holder, "");
  EXPECT_EQ(kernel.open_descriptors, 0);
}

TEST_F(GpioLinesTest, chip_and_offset_take_a_line_without_a_name) {
  EXPECT_EQ(problem_of({"", "gpiochip0", 2}), "");
  EXPECT_EQ(problem_of({"", "/dev/gpiochip0", 2}), "");
  EXPECT_EQ(problem_of({"", "gpiochip0", 9}), "/dev/gpiochip0 has no line 9");
  EXPECT_NE(problem_of({"", "gpiochip7", 0}).find("/dev/gpiochip7: No such file"), std::string::npos);
}

TEST_F(GpioLinesTest, the_setup_reaches_the_kernel) {
  auto setup = input("DOOR");
  setup.is_active_low = true;
  setup.bias = GpioBias::pull_up;
  setup.debounce_us = 5'000;
  const auto answer = lines.take(setup);
  ASSERT_TRUE(answer.line);
  const auto& config = kernel.line("DOOR").config;
  EXPECT_EQ(config.flags, static_cast<std::uint64_t>(GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_ACTIVE_LOW |
                                                     GPIO_V2_LINE_FLAG_BIAS_PULL_UP | GPIO_V2_LINE_FLAG_EDGE_RISING |
                                                     GPIO_V2_LINE_FLAG_EDGE_FALLING));
  ASSERT_EQ(config.num_attrs, 1u);
  EXPECT_EQ(config.attrs[0].attr.id, static_cast<std::uint32_t>(GPIO_V2_LINE_ATTR_ID_DEBOUNCE));
  EXPECT_EQ(config.attrs[0].attr.debounce_period_us, 5'000u);
}

TEST_F(GpioLinesTest, an_output_has_its_value_from_the_first_moment) {
  GpioOutputSetup setup;
  setup.address.line = "SIREN";
  setup.value = true;
  const auto answer = lines.take(setup);
  ASSERT_TRUE(answer.line);
  EXPECT_EQ(kernel.line("SIREN").history, (std::vector<bool>{true}));
  EXPECT_TRUE(answer.line->set(false));
  EXPECT_EQ(answer.line->value(), std::optional<bool>(false));
}

TEST_F(GpioLinesTest, a_line_that_is_not_there_is_told_with_near_names) {
  const std::string problem = problem_of({"door1", "", 0});
  EXPECT_EQ(problem.find("there is no line named door1; there are DOOR, "), 0u) << problem;
  kernel.lines = {{"/dev/gpiochip0", {{""}}}};
  EXPECT_NE(problem_of({"DOOR", "", 0}).find("use chip and offset"), std::string::npos);
  kernel.lines.clear();
  EXPECT_NE(problem_of({"DOOR", "", 0}).find("no GPIO chip"), std::string::npos);
}

TEST_F(GpioLinesTest, a_name_that_two_lines_have_is_not_guessed) {
  EXPECT_NE(problem_of({"TWICE", "", 0}).find("2 lines named TWICE"), std::string::npos);
}

TEST_F(GpioLinesTest, who_holds_a_busy_line_is_told) {
  kernel.line("DOOR").holder = "gpio-keys";
  EXPECT_EQ(problem_of({"DOOR", "", 0}), "line DOOR is in use by \"gpio-keys\"");
}

TEST_F(GpioLinesTest, without_permission_the_group_is_named) {
  kernel.is_forbidden = true;
  EXPECT_NE(problem_of({"DOOR", "", 0}).find("group gpio"), std::string::npos);
  EXPECT_NE(problem_of({"", "gpiochip0", 1}).find("group gpio"), std::string::npos);
}

}  // namespace
}  // namespace agent
