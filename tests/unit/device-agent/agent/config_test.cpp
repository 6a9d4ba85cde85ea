#include "device-agent/config/agent_config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/fakes/temp_folder.h"

namespace agent {
namespace {

class ConfigTest : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder.path() + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  bool read() { return read_config(folder.path() + "/agent.toml", config, problem); }
  /// What is wrong with this text; empty: nothing.
  std::string problem_of(const std::string& text) {
    put("agent.toml", text);
    AgentConfig ignored;
    std::string found;
    return read_config(folder.path() + "/agent.toml", ignored, found) ? "" : found;
  }

  fakes::TempFolder folder;
  AgentConfig config;
  std::string problem;
};

TEST_F(ConfigTest, the_printed_default_is_the_default) {
  put("agent.toml", default_config());
  ASSERT_TRUE(read()) << problem;
  const AgentConfig built_in;
  EXPECT_EQ(config.interval_us, built_in.interval_us);
  EXPECT_EQ(config.flush_us, built_in.flush_us);
  EXPECT_EQ(config.spool_bytes, built_in.spool_bytes);
  EXPECT_TRUE(config.disabled.empty() && config.commands.empty() && config.alerts.empty());
  EXPECT_TRUE(config.execs.empty() && config.execds.empty() && config.textfiles.empty() && !config.push.is_enabled);
}

TEST_F(ConfigTest, its_commented_examples_are_valid_as_well) {
  std::string text = default_config();
  for (std::size_t at; (at = text.find("# [[")) != std::string::npos;) text.erase(at, 2);
  std::string uncommented;
  bool in_example = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("[[", 0) == 0) in_example = true;
    if (line.empty()) in_example = false;
    uncommented += (in_example && line.rfind("# ", 0) == 0 ? line.substr(2) : line) + "\n";
  }
  put("agent.toml", uncommented);
  ASSERT_TRUE(read()) << problem;
  ASSERT_EQ(config.commands.size(), 1u);
  EXPECT_EQ(config.commands[0].name, "water");
  EXPECT_EQ(config.commands[0].timeout_ms, 120'000u);
  EXPECT_TRUE(config.commands[0].confirm);
  EXPECT_NE(config.commands[0].arguments_schema_json.find("\"maximum\":60"), std::string::npos);
  ASSERT_EQ(config.alerts.size(), 1u);
  ASSERT_EQ(config.execs.size(), 1u);
  EXPECT_EQ(config.execs[0].report.name, "router.ping");
  EXPECT_EQ(config.execs[0].report.units.at("loss"), "%");
  ASSERT_EQ(config.execds.size(), 1u);
  EXPECT_EQ(config.execds[0].timeout_us, 300'000'000);
  ASSERT_EQ(config.textfiles.size(), 1u);
  EXPECT_EQ(config.textfiles[0].max_age_us, 3'600'000'000);
}

TEST_F(ConfigTest, units_are_read) {
  put("agent.toml", "[agent]\ninterval = \"250ms\"\nflush = \"2m\"\nspool_max = \"1GiB\"\n");
  ASSERT_TRUE(read()) << problem;
  EXPECT_EQ(config.interval_us, 250'000);
  EXPECT_EQ(config.flush_us, 120'000'000);
  EXPECT_EQ(config.spool_bytes, std::size_t{1} << 30);
}

TEST_F(ConfigTest, a_mistake_names_file_line_key_and_what_is_allowed) {
  const struct {
    const char *text, *line, *key, *allowed;
  } mistakes[] = {
      {"[agent]\nintervall = \"1s\"\n", ":2:", "agent.intervall", "interval, flush, spool_max"},
      {"\n[agent]\ninterval = 5\n", ":3:", "agent.interval", "500ms"},
      {"[agent]\ninterval = \"1ms\"\n", ":2:", "agent.interval", "100 ms"},
      {"[agent]\nflush = \"-1s\"\n", ":2:", "agent.flush", "1000 ms"},
      {"[agent]\nspool_max = \"1KiB\"\n", ":2:", "agent.spool_max", "2MiB"},
      {"[agent]\nspool_max = \"64\"\n", ":2:", "agent.spool_max", "64MiB"},
      {"[auto]\ndisable = \"net\"\n", ":2:", "auto.disable", "list"},
      {"[sensors]\n", ":1:", "sensors", "agent, auto, push, exec, execd, textfile, command, alert"},
      {"agent = 1\n", ":1:", "agent", "[agent]"},
      {"[command]\nname = \"a\"\n", ":1:", "command", "[[command]]"},
      {"[[command]]\nname = \"a\"\nrun = [\"relative\"]\n", ":3:", "command.run", "/absolute"},
      {"[[command]]\nname = \"ping\"\nrun = [\"/bin/true\"]\n", ":2:", "command.name", "built in"},
      {"[[command]]\nname = \"a\"\nrun = [\"/bin/true\"]\nrole = \"root\"\n", ":4:", "command.role", "operator"},
      {"[[exec]]\nname = \"a\"\nrun = [\"relative\"]\n", ":3:", "exec.run", "/absolute"},
      {"[[exec]]\nrun = [\"/bin/true\"]\n", ":1:", "exec.name", "plain"},
      {"[[exec]]\nname = \"a b\"\nrun = [\"/bin/true\"]\n", ":2:", "exec.name", "letters"},
      {"[[exec]]\nname = \"a\"\nrun = [\"/bin/true\"]\nformat = \"xml\"\n", ":4:", "exec.format", "prometheus"},
      {"[[exec]]\nname = \"a\"\nrun = [\"/bin/true\"]\nunits = { t = 1 }\n", ":4:", "units.t", "text"},
      {"[[exec]]\nname = \"a\"\nrun = [\"/bin/true\"]\nenvironment = [\"X\"]\n", ":4:", "exec.environment", "NAME"},
      {"[[execd]]\nrun = [\"/bin/true\"]\nrestart = \"1ms\"\n", ":3:", "execd.restart", "100 ms"},
      {"[[execd]]\nrun = [\"/bin/a\", \"b\"]\n[[execd]]\nrun = [\"/bin/a\", \"b\"]\n", ":3:", "execd /bin/a b",
       "already"},
      {"[[textfile]]\npath = \"here\"\n", ":2:", "textfile.path", "absolute"},
      {"[[textfile]]\nglob = \"/x\"\n", ":1:", "textfile.path", "absolute"},
      {"[push]\nsocket = \"push.sock\"\n", ":2:", "push.socket", "absolute"},
      {"[push]\non = true\n", ":2:", "push.on", "enable, socket, group"},
      {"[[alert]]\naction = \"shout\"\n", ":2:", "alert.action", "log"},
      {"[[alert]]\naction = \"command\"\n", ":1:", "alert.command", "needed"},
      {"[agent\n", ":1:", "", ""},
  };
  for (const auto& m : mistakes) {
    const std::string found = problem_of(m.text);
    EXPECT_NE(found.find("agent.toml" + std::string(m.line)), std::string::npos) << m.text << found;
    EXPECT_NE(found.find(m.key), std::string::npos) << m.text << found;
    EXPECT_NE(found.find(m.allowed), std::string::npos) << m.text << found;
  }
}

TEST_F(ConfigTest, an_alert_must_name_a_command_that_there_is) {
  const std::string command = "[[command]]\nname = \"beep\"\nrun = [\"/bin/true\"]\n";
  EXPECT_EQ(problem_of(command + "[[alert]]\naction = \"command\"\ncommand = \"beep\"\nclear_command = \"beep\"\n"),
            "");
  for (const char* key : {"command = \"boop\"", "command = \"beep\"\nclear_command = \"boop\""}) {
    const auto found = problem_of(command + "[[alert]]\naction = \"command\"\n" + key + "\n");
    EXPECT_NE(found.find("boop"), std::string::npos) << key << ": " << found;
  }
}

TEST_F(ConfigTest, the_drop_in_folder_is_read_by_name_and_the_last_wins) {
  put("agent.toml", "[agent]\ninterval = \"1s\"\nflush = \"20s\"\n[[command]]\nname = \"a\"\nrun = [\"/bin/one\"]\n");
  put("agent.d/20-later.toml", "[agent]\ninterval = \"3s\"\n");
  put("agent.d/10-first.toml",
      "[agent]\ninterval = \"2s\"\n[auto]\ndisable = [\"x\"]\n[[command]]\nname = \"a\"\nrun = [\"/bin/two\"]\n");
  put("agent.d/ignored.txt", "not toml");
  ASSERT_TRUE(read()) << problem;
  EXPECT_EQ(config.interval_us, 3'000'000);
  EXPECT_EQ(config.flush_us, 20'000'000);
  EXPECT_EQ(config.disabled, std::vector<std::string>{"x"});
  ASSERT_EQ(config.commands.size(), 1u);
  EXPECT_EQ(config.commands[0].run[0], "/bin/two");
  put("agent.d/30-wrong.toml", "[agent]\nnope = 1\n");
  EXPECT_FALSE(read());
  EXPECT_NE(problem.find("30-wrong.toml:2"), std::string::npos) << problem;
}

TEST_F(ConfigTest, a_source_of_a_drop_in_takes_the_place_of_the_one_of_that_name) {
  put("agent.toml", "[[exec]]\nname = \"a\"\nrun = [\"/bin/one\"]\n[[exec]]\nname = \"b\"\nrun = [\"/bin/b\"]\n");
  put("agent.d/1.toml", "[[exec]]\nname = \"a\"\nrun = [\"/bin/two\"]\n[push]\nenable = true\n");
  ASSERT_TRUE(read()) << problem;
  ASSERT_EQ(config.execs.size(), 2u);
  EXPECT_EQ(config.execs[1].run, std::vector<std::string>{"/bin/two"});
  EXPECT_TRUE(config.push.is_enabled);
}

TEST_F(ConfigTest, the_environment_is_put_in) {
  ::setenv("AGENT_CONFIG_TEST_FOLDER", "/opt/pump", 1);
  put("agent.toml", "[[command]]\nname = \"a\"\nrun = [\"${AGENT_CONFIG_TEST_FOLDER}/run\", \"{seconds}\"]\n");
  ASSERT_TRUE(read()) << problem;
  EXPECT_EQ(config.commands[0].run, (std::vector<std::string>{"/opt/pump/run", "{seconds}"}));
  ::unsetenv("AGENT_CONFIG_TEST_FOLDER");
  EXPECT_FALSE(read());
  EXPECT_NE(problem.find("AGENT_CONFIG_TEST_FOLDER"), std::string::npos) << problem;
}

TEST_F(ConfigTest, a_file_that_was_named_must_be_there) {
  EXPECT_FALSE(read());
  EXPECT_NE(problem.find("agent.toml"), std::string::npos);
  EXPECT_TRUE(read_config("", config, problem)) << "none was named";
}

}  // namespace
}  // namespace agent
