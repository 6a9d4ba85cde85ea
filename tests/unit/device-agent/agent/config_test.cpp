#include "device-agent/config/agent_config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

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
  ASSERT_EQ(config.inputs.size(), 1u);
  EXPECT_EQ(config.inputs[0].name, "door.open");
  ASSERT_EQ(config.outputs.size(), 1u);
  EXPECT_EQ(config.outputs[0].name, "siren");
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
      {"[agent]\nintervall = \"1s\"\n", ":2:", "agent.intervall", "interval, flush, latency, spool_max, wake_interval"},
      {"\n[agent]\ninterval = 5\n", ":3:", "agent.interval", "500ms"},
      {"[agent]\ninterval = \"1ms\"\n", ":2:", "agent.interval", "100 ms"},
      {"[agent]\nflush = \"-1s\"\n", ":2:", "agent.flush", "1000 ms"},
      {"[agent]\nspool_max = \"1KiB\"\n", ":2:", "agent.spool_max", "16KiB"},
      {"[agent]\nspool_max = \"64\"\n", ":2:", "agent.spool_max", "64MiB"},
      {"[auto]\ndisable = \"net\"\n", ":2:", "auto.disable", "list"},
      {"[nonsense]\n", ":1:", "nonsense", "agent, hub, auto, commands, host, iio, onewire, push, exec"},
      {"agent = 1\n", ":1:", "agent", "[agent]"},
      {"[command]\nname = \"a\"\n", ":1:", "command", "[[command]]"},
      {"[[command]]\nname = \"a\"\nrun = [\"relative\"]\n", ":3:", "command.run", "/absolute"},
      {"[[command]]\nname = \"ping\"\nrun = [\"/bin/true\"]\n", ":2:", "command.name", "built in"},
      {"[[command]]\nname = \"a\"\nrun = [\"/bin/true\"]\nrole = \"root\"\n", ":4:", "command.role", "operator"},
      {"[commands]\nallow = [\"shutdown\"]\n", ":2:", "commands.allow", "set-interval, restart-agent, reboot"},
      {"[commands]\nallow = \"reboot\"\n", ":2:", "commands.allow", "list"},
      {"[[command]]\nname = \"a b\"\nrun = [\"/bin/true\"]\n", ":2:", "command.name", "letters"},
      {"[[command]]\nname = \"reboot\"\nrun = [\"/bin/true\"]\n", ":2:", "command.name", "built in"},
      {"[[command]]\nname = \"a\"\nrun = [\"/bin/echo\", \"{x}\"]\n", ":3:", "command.run", "{x} is no argument"},
      {"[[command]]\nname = \"a\"\nrun = [\"/bin/echo\", \"{x}\"]\n[command.args.properties.x]\ntype = \"string\"\n",
       ":3:", "command.run", "args.required"},
      {"[[command]]\nname = \"a\"\nrun = [\"/bin/echo\", \"{x\"]\n", ":3:", "command.run", "brace"},
      {"[[command]]\nname = \"a\"\nrun = [\"/bin/{x}\"]\nargs.required = [\"x\"]\n", ":3:", "command.run", "program"},
      {"[[command]]\nname = \"a\"\nrun = [\"/bin/true\"]\nuser = \"no-such-user\"\n", ":4:", "command.user", "no user"},
      {"[[command]]\nname = \"a\"\nrun = [\"/bin/true\"]\nfolder = \"x\"\n", ":4:", "command.folder", "whole path"},
      {"[[command]]\nname = \"a\"\nrun = [\"/bin/true\"]\n[command.args.properties.x]\ntype = \"integer\"\ndefault = "
       "\"x\"\n",
       ":4:", "command.args", "default"},
      {"[[gpio]]\nname = \"a\"\n", ":1:", "gpio.line", "chip"},
      {"[[gpio]]\nline = \"A\"\nchip = \"gpiochip0\"\n", ":2:", "gpio.line", "leave it out"},
      {"[[gpio]]\nchip = \"gpiochip0\"\nname = \"a\"\n", ":1:", "gpio.offset", "needed"},
      {"[[gpio]]\nline = \"A\"\nbias = \"up\"\n", ":3:", "gpio.bias", "pull-up"},
      {"[[gpio]]\nline = \"A\"\nname = \"a b\"\n", ":3:", "gpio.name", "series name"},
      {"[[output]]\nline = \"A\"\n", ":1:", "output.name", "name"},
      {"[[output]]\nname = \"a\"\nline = \"A\"\ninitial = 1\n", ":4:", "output.initial", "true or false"},
      {"[[alert]]\naction = \"output\"\n", ":1:", "alert.output", "needed"},
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
      {"[agent]\nwake_interval = \"500ms\"\n", ":2:", "agent.wake_interval", "whole seconds"},
      {"[agent]\nwake_interval = \"9000h\"\n", ":2:", "agent.wake_interval", "31622400 s"},
      {"[agent]\nlatency = \"2h\"\n", ":2:", "agent.latency", "60 s"},
      {"[hub]\nproxy = \"socks5://u:p@proxy\"\n", ":2:", "hub.proxy", "http://[USER:PASSWORD@]HOST[:PORT]"},
      {"[hub]\nproxy = 3128\n", ":2:", "hub.proxy", "text"},
      {"hub = 1\n", ":1:", "hub", "[hub]"},
      {"[agent\n", ":1:", "", ""},
  };
  for (const auto& m : mistakes) {
    const std::string found = problem_of(m.text);
    EXPECT_NE(found.find("agent.toml" + std::string(m.line)), std::string::npos) << m.text << found;
    EXPECT_NE(found.find(m.key), std::string::npos) << m.text << found;
    EXPECT_NE(found.find(m.allowed), std::string::npos) << m.text << found;
  }
}

TEST_F(ConfigTest, all_mistakes_are_told_at_once) {
  put("agent.d/more.toml", "[[output]]\nname = \"x\"\n");
  const std::string found = problem_of(
      "[agent]\ninterval = 5\nflush = 6\nnope = 1\n[[command]]\nname = \"a\"\nrun = \"/bin/true\"\nconfirm = 3\n"
      "[[command]]\nname = \"ping\"\nrun = [\"/bin/true\"]\n[[alert]]\naction = \"x\"\n[other]\n");
  std::vector<std::string> lines;
  std::istringstream in(found);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  const char* const wanted[] = {"toml:2: agent.interval", "toml:3: agent.flush",     "toml:4: agent.nope",
                                "toml:7: command.run",    "toml:8: command.confirm", "toml:10: command.name",
                                "toml:13: alert.action",  "toml:14: other",          "more.toml:1: output.line"};
  for (const char* one : wanted) {
    EXPECT_EQ(std::count_if(lines.begin(), lines.end(), [&](const auto& l) { return l.find(one) != l.npos; }), 1)
        << one << " in\n"
        << found;
  }
  EXPECT_EQ(lines.size(), std::size(wanted)) << found;
}

TEST_F(ConfigTest, a_gpio_line_is_used_once) {
  const std::string text = "[[gpio]]\nline = \"A\"\n[[output]]\nname = \"siren\"\nline = \"A\"\n";
  EXPECT_NE(problem_of(text).find("line A is used by gpio \"gpio.A\" already"), std::string::npos) << problem_of(text);
}

TEST_F(ConfigTest, gpio_is_read) {
  put("agent.toml",
      "[[gpio]]\nchip = \"gpiochip0\"\noffset = 17\nname = \"door\"\nactive_low = true\nbias = \"pull-up\"\n"
      "debounce = \"5ms\"\nedges = false\ninterval = \"2s\"\n[[output]]\nname = \"siren\"\nline = \"S\"\n"
      "initial = true\n[commands]\nallow = [\"reboot\"]\n[[alert]]\naction = \"output\"\noutput = \"siren\"\n");
  ASSERT_TRUE(read()) << problem;
  ASSERT_EQ(config.inputs.size(), 1u);
  EXPECT_EQ(config.inputs[0].setup.address.text(), "gpiochip0 line 17");
  EXPECT_TRUE(config.inputs[0].setup.is_active_low);
  EXPECT_EQ(config.inputs[0].setup.bias, GpioBias::pull_up);
  EXPECT_EQ(config.inputs[0].setup.debounce_us, 5'000u);
  EXPECT_FALSE(config.inputs[0].setup.wants_edges);
  EXPECT_EQ(config.inputs[0].interval_us, 2'000'000);
  ASSERT_EQ(config.outputs.size(), 1u);
  EXPECT_TRUE(config.outputs[0].initial && config.outputs[0].fail_safe);
  EXPECT_EQ(config.allowed, std::vector<std::string>{"reboot"});
  EXPECT_EQ(config.alerts.at(0).output, "siren");
}

TEST_F(ConfigTest, what_sensors_are_made_of_is_told_apart_from_the_rest) {
  const auto part_of = [this](const std::string& text) {
    put("agent.toml", text);
    AgentConfig found;
    std::string wrong;
    EXPECT_TRUE(read_config(folder.path() + "/agent.toml", found, wrong)) << wrong;
    return found.sensor_part;
  };
  const std::string gpio = "[[gpio]]\nline = \"A\"\n";
  EXPECT_EQ(part_of(gpio),
            part_of("[agent]\ninterval = \"5s\"\n[[command]]\nname = \"a\"\nrun = [\"/bin/true\"]\n" + gpio));
  EXPECT_NE(part_of(gpio), part_of(gpio + "active_low = true\n"));
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

TEST_F(ConfigTest, an_alert_runs_only_what_needs_no_arguments) {
  const std::string found = problem_of(
      "[[command]]\nname = \"beep\"\nrun = [\"/bin/echo\", \"{x}\"]\nargs.required = "
      "[\"x\"]\n[command.args.properties.x]\n"
      "type = \"string\"\n[[alert]]\naction = \"command\"\ncommand = \"beep\"\n");
  EXPECT_NE(found.find("must run without arguments"), std::string::npos) << found;
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
  put("agent.toml", "[[command]]\nname = \"a\"\nrun = [\"${AGENT_CONFIG_TEST_FOLDER}/run\", \"now\"]\n");
  ASSERT_TRUE(read()) << problem;
  EXPECT_EQ(config.commands[0].run, (std::vector<std::string>{"/opt/pump/run", "now"}));
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
