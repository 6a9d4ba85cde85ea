#include <gtest/gtest.h>

#include <fstream>

#include "device-agent/config/agent_config.h"
#include "device-agent/sensor_list.h"
#include "tests/fakes/temp_folder.h"

namespace agent {
namespace {

class KindConfigTest : public ::testing::Test {
 protected:
  std::string problem_of(const std::string& text) {
    const std::string file = folder.path() + "/agent.toml";
    std::ofstream(file) << text;
    config = {};
    std::string problem;
    return read_config(file, config, problem) ? "" : problem;
  }
  fakes::TempFolder folder;
  AgentConfig config;
};

TEST_F(KindConfigTest, kinds_are_enabled_timed_and_named) {
  ASSERT_EQ(problem_of("[host]\ninterval = \"5s\"\nnames = { \"hwmon.x.temp1\" = \"case\" }\n"
                       "[iio]\nenable = false\n[iio.names]\n\"1-0076\" = \"attic\"\n"
                       "[onewire]\ninterval = \"1m\"\nnames = { \"28-0316a2798dff\" = \"tank.top\" }\n"),
            "");
  EXPECT_TRUE(config.host.enable);
  EXPECT_EQ(config.host.interval_us, 5'000'000);
  EXPECT_EQ(config.host.names.at("hwmon.x.temp1"), "case");
  EXPECT_FALSE(config.iio.enable);
  EXPECT_EQ(config.iio.names.at("1-0076"), "attic");
  EXPECT_EQ(config.onewire.interval_us, 60'000'000);
  EXPECT_EQ(config.onewire.names.at("28-0316a2798dff"), "tank.top");
}

TEST_F(KindConfigTest, the_printed_default_is_the_default) {
  ASSERT_EQ(problem_of(default_config()), "");
  const AgentConfig built_in;
  for (const auto kind : {&AgentConfig::host, &AgentConfig::iio, &AgentConfig::onewire}) {
    EXPECT_EQ((config.*kind).enable, (built_in.*kind).enable);
    EXPECT_EQ((config.*kind).interval_us, (built_in.*kind).interval_us);
    EXPECT_TRUE((config.*kind).names.empty());
  }
}

TEST_F(KindConfigTest, a_mistake_names_file_line_key_and_what_is_allowed) {
  const struct {
    const char *text, *line, *key, *allowed;
  } mistakes[] = {
      {"[auto]\nroot = \"host\"\n", ":2:", "auto.root", "absolute path"},
      {"host = 1\n", ":1:", "host", "[host]"},
      {"[iio]\nenabled = true\n", ":2:", "iio.enabled", "enable, interval, names"},
      {"[iio]\nenable = 1\n", ":2:", "iio.enable", "true or false"},
      {"[onewire]\n\ninterval = \"1ms\"\n", ":3:", "onewire.interval", "100 ms"},
      {"[onewire]\nnames = [\"a\"]\n", ":2:", "onewire.names", "must be a table"},
      {"[onewire.names]\n\"28-a\" = \"tank top\"\n", ":2:", "onewire.names.\"28-a\"", "letters, digits"},
      {"[onewire.names]\n\"28-a\" = 7\n", ":2:", "onewire.names.\"28-a\"", "letters, digits"},
      {"[onewire.names]\n\"28-a\" = \"\"\n", ":2:", "onewire.names.\"28-a\"", "1 to 96"},
      {"[onewire.names]\n\"28-a\" = \"x\"\n\"28-b\" = \"x\"\n", ":3:", "onewire.names.\"28-b\"",
       "\"28-a\" has this name"},
  };
  for (const auto& m : mistakes) {
    const std::string problem = problem_of(m.text);
    for (const char* part : {"agent.toml", m.line, m.key, m.allowed}) {
      EXPECT_NE(problem.find(part), std::string::npos) << m.text << problem;
    }
  }
  std::string many = "[iio.names]\n";
  for (int i = 0; i < 600; ++i) many += "\"" + std::to_string(i) + "\" = \"n" + std::to_string(i) + "\"\n";
  EXPECT_NE(problem_of(many).find("at most 512"), std::string::npos);
}

TEST_F(KindConfigTest, the_list_of_sensors_follows_it) {
  const auto put = [this](const std::string& path) {
    std::filesystem::create_directories(std::filesystem::path(folder.path() + path).parent_path());
    std::ofstream(folder.path() + path) << "1000\n";
  };
  put("/proc/uptime");
  put("/sys/bus/iio/devices/iio:device0/in_temp_input");
  put("/sys/bus/w1/devices/28-a/temperature");
  const auto kinds = [this] {
    std::map<std::string, std::int64_t> found;
    for (const auto& sensor : list_sensors(config, folder.path())) {
      found[sensor->kind().empty() ? sensor->series()[0].name : sensor->kind()] = sensor->interval_us();
    }
    return found;
  };
  using Kinds = std::map<std::string, std::int64_t>;
  EXPECT_EQ(kinds(), (Kinds{{"uptime", 0}, {"disk.root.used", 0}, {"iio", 0}, {"onewire", 10'000'000}}))
      << "0: the agent's, which a command may change";
  const Kinds given = kinds();
  ASSERT_EQ(problem_of("[agent]\ninterval = \"2s\"\n[auto]\nroot = \"" + folder.path() + "\"\n"), "");
  EXPECT_EQ(list_sensors(config).size(), given.size()) << "the root may stand in the file";
  config.host.enable = false;
  config.iio.interval_us = 500'000;
  config.onewire.enable = false;
  EXPECT_EQ(kinds(), (Kinds{{"iio", 500'000}}));
}

}  // namespace
}  // namespace agent
