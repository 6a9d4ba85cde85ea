#include "device-agent/gpio/gpio_outputs.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include <boost/asio/io_context.hpp>

#include "tests/fakes/fake_gpio.h"

namespace agent {
namespace {

class GpioOutputsTest : public ::testing::Test {
 protected:
  GpioOutputsTest() { kernel->lines["/dev/gpiochip0"] = {{"SIREN"}, {"LAMP"}}; }
  ~GpioOutputsTest() override { stop(); }
  static GpioOutputConfig config(const std::string& name, const std::string& line, bool initial, bool fail_safe) {
    GpioOutputConfig made;
    made.name = name;
    made.address.line = line;
    made.initial = initial;
    made.fail_safe = fail_safe;
    return made;
  }
  void stop() {
    if (!outputs) return;
    wire::TaskGroup group(io.get_executor(), [](const std::exception& e) { ADD_FAILURE() << e.what(); });
    group.spawn(outputs->stop());
    io.restart();
    io.run();
    outputs.reset();
  }
  bool level(const std::string& line) { return kernel->line(line).level; }

  boost::asio::io_context io{1};
  std::shared_ptr<fakes::FakeGpio> kernel = std::make_shared<fakes::FakeGpio>();
  std::unique_ptr<GpioOutputs> outputs = std::make_unique<GpioOutputs>(
      io.get_executor(), kernel,
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_st>()));
};

TEST_F(GpioOutputsTest, initial_set_and_fail_safe_at_the_end) {
  outputs->configure({config("siren", "SIREN", true, false), config("lamp", "LAMP", false, true)});
  EXPECT_TRUE(level("SIREN"));
  EXPECT_FALSE(level("LAMP"));
  EXPECT_EQ(outputs->set("siren", true), "");
  stop();
  EXPECT_FALSE(level("SIREN"));
  EXPECT_TRUE(level("LAMP"));
  EXPECT_EQ(kernel->open_descriptors, 0);
}

TEST_F(GpioOutputsTest, a_pulse_ends_by_itself_and_goes_back_to_what_was) {
  outputs->configure({config("siren", "SIREN", true, false)});
  EXPECT_EQ(outputs->set("siren", false, 2'000), "");
  EXPECT_FALSE(level("SIREN"));
  io.run();
  EXPECT_TRUE(level("SIREN"));
  EXPECT_EQ(kernel->line("SIREN").history, (std::vector<bool>{true, false, true}));
}

TEST_F(GpioOutputsTest, a_newer_order_takes_the_place_of_a_pulse) {
  outputs->configure({config("siren", "SIREN", false, false)});
  ASSERT_EQ(outputs->set("siren", true, 3'600'000'000LL), "");
  ASSERT_EQ(outputs->set("siren", true), "");
  io.run();  // the pulse is over without an hour
  EXPECT_TRUE(level("SIREN"));
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(outputs->set("siren", true, 1'000'000 + i), "");
  ASSERT_EQ(outputs->set("siren", false, 1'000), "");
  io.restart();
  io.run();
  EXPECT_TRUE(level("SIREN")) << "what it was without pulses";
}

TEST_F(GpioOutputsTest, another_configuration_leaves_alone_what_is_the_same) {
  outputs->configure({config("siren", "SIREN", false, false), config("lamp", "LAMP", false, true)});
  ASSERT_EQ(outputs->set("siren", true), "");
  outputs->configure({config("siren", "SIREN", false, false)});
  EXPECT_TRUE(level("SIREN"));
  EXPECT_EQ(kernel->line("SIREN").history.size(), 2u) << "not touched";
  EXPECT_TRUE(level("LAMP")) << "its fail-safe";
  EXPECT_EQ(kernel->line("LAMP").holder, "");
  outputs->configure({config("siren", "LAMP", false, false)});
  EXPECT_EQ(kernel->line("SIREN").holder, "");
  EXPECT_EQ(kernel->line("LAMP").holder, "device-agent");
}

TEST_F(GpioOutputsTest, a_line_that_was_busy_is_taken_when_it_is_wanted) {
  kernel->line("SIREN").holder = "other";
  outputs->configure({config("siren", "SIREN", false, false)});
  ASSERT_EQ(outputs->problems().size(), 1u);
  EXPECT_EQ(outputs->set("siren", true), "line SIREN is in use by \"other\"");
  kernel->line("SIREN").holder.clear();
  EXPECT_EQ(outputs->set("siren", true), "");
  EXPECT_TRUE(level("SIREN"));
  EXPECT_TRUE(outputs->problems().empty());
}

TEST_F(GpioOutputsTest, an_unknown_output_is_told_with_those_there_are) {
  outputs->configure({config("siren", "SIREN", false, false)});
  EXPECT_EQ(outputs->set("sirene", true), "there is no output \"sirene\"; there are: siren");
}

}  // namespace
}  // namespace agent
