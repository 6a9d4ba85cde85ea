// What the agent says of itself.
#include "device-agent/health_sensor.h"

#include <gtest/gtest.h>

#include <map>

#include "device-agent/sensors/sampler.h"
#include "device-agent/spool/spool_disk.h"

namespace agent {
namespace {

class HealthSensorTest : public ::testing::Test {
 protected:
  HealthSensorTest()
      : sampler({1'000'000, {}}, [this] {
          Sensors sensors;
          add_health_sensors([this] { return health; }, sensors);
          return sensors;
        }) {}
  /// What is sampled in the second `s`.
  std::map<std::string, Value> second(std::int64_t s) {
    std::map<std::string, Value> found;
    sampler.sample_due(s * 1'000'000, {s * 1'000'000, s * 1'000'000}, [&](const Sampler::Reading& reading) {
      found[reading.spec.name] = reading.value;
      declared[reading.spec.name] = std::max(declared[reading.spec.name], reading.interval_ms);
    });
    return found;
  }
  AgentHealth health;
  std::map<std::string, std::uint32_t> declared;
  Sampler sampler;
};

TEST_F(HealthSensorTest, figures_come_each_minute) {
  health.held_frames = 7;
  health.spool_bytes = 4'096;
  health.dropped_readings = 12;
  health.is_clock_synchronised = true;
  const auto first = second(600);
  EXPECT_EQ(first.at("agent.spool.frames"), Value(7.0));
  EXPECT_EQ(first.at("agent.spool.size"), Value(4'096.0));
  EXPECT_EQ(first.at("agent.readings.dropped"), Value(12.0));
  EXPECT_EQ(first.at("agent.clock.synchronised"), Value(true));
  EXPECT_GT(std::get<double>(first.at("agent.memory.rss")), 100'000);
  EXPECT_FALSE(first.contains("agent.cpu.usage")) << "a share of no time";
  for (int s = 601; s < 660; ++s) EXPECT_TRUE(second(s).empty()) << s;
  const auto next = second(660);
  EXPECT_GE(std::get<double>(next.at("agent.cpu.usage")), 0);
  EXPECT_EQ(declared.at("agent.spool.frames"), 60'000u);
}

TEST_F(HealthSensorTest, a_problem_is_told_at_once_and_then_each_minute) {
  EXPECT_EQ(second(600).at("agent.problem"), Value(std::string()));
  EXPECT_TRUE(second(601).empty());
  health.problems = "the spool cannot be written";
  EXPECT_EQ(sampler.next_due_us(601'500'000), 602'000'000);
  const auto told = second(602);
  EXPECT_EQ(told.size(), 1u);
  EXPECT_EQ(told.at("agent.problem"), Value(health.problems));
  for (int s = 603; s < 660; ++s) EXPECT_TRUE(second(s).empty()) << s;
  EXPECT_EQ(second(660).at("agent.problem"), Value(health.problems));
  health.problems.clear();
  EXPECT_EQ(second(661).at("agent.problem"), Value(std::string()));
}

TEST_F(HealthSensorTest, a_long_problem_is_cut_between_characters) {
  health.problems = "x";
  for (int i = 0; i < 400; ++i) health.problems += "\u00fc";
  const auto text = std::get<std::string>(second(600).at("agent.problem"));
  EXPECT_LE(text.size(), 512u);
  EXPECT_GT(text.size(), 500u);
  EXPECT_EQ((text.size() - 1 - 3) % 2, 0u);
  EXPECT_TRUE(second(601).empty()) << "what is told is what was cut";
}

TEST(SpoolDisk, a_disk_with_room_and_a_folder_that_is_not_there_are_no_problem) {
  EXPECT_EQ(disk_problem("/tmp"), "");
  EXPECT_EQ(disk_problem("/nowhere/at/all"), "");
}

}  // namespace
}  // namespace agent
