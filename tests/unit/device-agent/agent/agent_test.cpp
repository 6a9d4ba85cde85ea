#include "device-agent/agent.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>
#include <limits>
#include <mutex>
#include <thread>

#include "tests/fakes/fake_gpio.h"
#include "tests/fakes/fixed_random.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/scripted_hub.h"
#include "tests/fakes/temp_folder.h"
#include "wire/frame_codec.h"

namespace agent {
namespace {

namespace pb = telemetry::v1;
constexpr std::int64_t kRight = 1'700'000'000'000'000;
constexpr std::int64_t kWrong = 1'600'000'000'000'000;

/// Readings of one series that the test sets.
struct Probe {
  std::string name;
  Value value = 1.0;
  int samples = 0;
};
class ProbeSensor final : public Sensor {
 public:
  explicit ProbeSensor(std::shared_ptr<Probe> probe)
      : probe_(std::move(probe)), series_{{probe_->name, "Cel", ValueType::number}} {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  void sample(const SampleTime&, std::vector<Sample>& out) override {
    ++probe_->samples;
    out.push_back({0, probe_->value});
  }

 private:
  std::shared_ptr<Probe> probe_;
  std::vector<SeriesSpec> series_;
};

/// A program that speaks when it likes, from a thread of its own.
class Speaker {
 public:
  void say(double value) {
    std::thread([this, value] {
      const std::lock_guard lock(mutex);
      values.push_back(value);
      if (tell) tell();
    }).join();
  }

  std::mutex mutex;
  std::vector<double> values;
  std::function<void()> tell;
  int looks = 0;  // how often the agent has asked whether there is something
};
class SpeakerSensor final : public Sensor {
 public:
  explicit SpeakerSensor(std::shared_ptr<Speaker> speaker) : speaker_(std::move(speaker)) {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  std::int64_t interval_us() const override { return 3'600'000'000; }  // its turn does not come
  void tell_arrivals(std::function<void()> tell) override {
    const std::lock_guard lock(speaker_->mutex);
    speaker_->tell = std::move(tell);
  }
  bool has_arrivals() const override {
    const std::lock_guard lock(speaker_->mutex);
    ++speaker_->looks;
    return !speaker_->values.empty();
  }
  void sample(const SampleTime&, std::vector<Sample>& out) override {
    const std::lock_guard lock(speaker_->mutex);
    for (const double value : std::exchange(speaker_->values, {})) out.push_back({0, value});
  }

 private:
  const std::shared_ptr<Speaker> speaker_;
  const std::vector<SeriesSpec> series_{{"door.openings", "", ValueType::number}};
};

/// What the hub has got: series name to times and values, and how the frames were flagged.
struct Received {
  std::map<std::uint32_t, std::string> names;
  std::map<std::string, std::vector<std::pair<std::int64_t, double>>> readings;
  int flagged = 0, rebased = 0, frames = 0;
  std::map<std::uint32_t, std::uint64_t> last;  // by stream
  std::vector<pb::DeviceMessage> others;

  void take(const pb::DeviceMessage& message) {
    if (!message.has_frame()) {
      if (!message.has_definitions()) return others.push_back(message);
      for (const auto& d : message.definitions().definitions()) names[d.alias()] = d.name();
      return;
    }
    ++frames;
    last[message.frame().stream()] = message.frame().sequence();
    pb::FrameBody body;
    ASSERT_TRUE(body.ParseFromString(message.frame().body()));
    flagged += body.unsynchronised();
    rebased += body.rebased();
    for (const auto& d : body.definitions()) names[d.alias()] = d.name();
    std::vector<std::int64_t> times;
    std::vector<double> values;
    for (const auto& block : body.blocks()) {
      ASSERT_TRUE(wire::decode_times(block, static_cast<std::int64_t>(body.wall_us()), {}, times));
      std::uint32_t alias = 0;
      for (const auto& column : block.columns()) {
        alias = column.series() == 0 ? alias + 1 : column.series();
        if (!column.bits().empty() || column.indices_size() > 0) continue;  // no number
        ASSERT_TRUE(wire::decode_numbers(column, block.count(), values));
        for (std::size_t i = 0; i < times.size(); ++i) readings[names[alias]].emplace_back(times[i], values[i]);
      }
    }
  }
};

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() {
    parts.config.interval_us = 1'000;
    parts.state_folder = folder.path() + "/state";
    parts.runtime_folder = folder.path() + "/run";
    parts.tick = std::chrono::milliseconds(1);
    parts.connect = hub.connector();
    parts.find_sensors = [this] {
      Sensors sensors;
      for (const auto& probe : probes) sensors.push_back(std::make_unique<ProbeSensor>(probe));
      return sensors;
    };
    std::filesystem::create_directories(parts.state_folder);
  }
  ~AgentTest() override { stop(); }

  void start() {
    auto made = Agent::make(io.get_executor(), parts, clock, random, log);
    ASSERT_TRUE(made) << made.error().message();
    agent = std::move(*made);
    tasks.spawn(agent->run());
  }
  void start_welcomed() {
    start();
    hub.until_connected(1);
    hello = hub.welcome();
    hub.until([this] { return agent->link().is_welcomed(); }, "the welcome");
  }
  void stop() {
    if (!agent) return;
    agent->stop();
    hub.until([this] { return tasks.size() == 0; }, "the end of the agent");
    agent.reset();
  }
  void wait_for_samples(int more) {
    const int until = probes[0]->samples + more;
    hub.until([&] { return probes[0]->samples >= until; }, "samples");
  }
  /// Time passes, and what was gathered is closed into a frame.
  void wait_for_a_frame() {
    wait_for_samples(2);
    clock.advance(parts.config.flush_us);
    wait_for_samples(2);
  }
  void receive_until(const std::function<bool()>& enough, const std::string& what) {
    hub.until(
        [&] {
          while (const auto message = hub.receive_now()) received.take(*message);
          return enough();
        },
        what);
  }
  boost::json::object status() {
    std::ifstream in(parts.state_folder + "/status.json");
    const std::string text(std::istreambuf_iterator<char>(in), {});
    return text.empty() ? boost::json::object() : boost::json::parse(text).as_object();
  }
  bool says(const char* key, const boost::json::value& wanted) {
    const auto now = status();
    return now.contains(key) && now.at(key) == wanted;
  }
  std::optional<pb::ExecutionUpdate> execute(const std::string& command, const std::string& arguments = "{}") {
    pb::HubMessage message;
    auto& request = *message.mutable_execution();
    request.set_id("id of " + command);
    request.set_command(command);
    request.set_arguments_json(arguments);
    request.set_server_time_us(static_cast<double>(kRight));
    request.set_not_after_us(static_cast<double>(kRight) + 60e6);
    hub.send(message);
    std::optional<pb::ExecutionUpdate> last;
    receive_until(
        [&] {
          for (const auto& m : received.others) {
            if (m.has_execution() && m.execution().id() == request.id()) last = m.execution();
          }
          return last && last->state() >= pb::EXECUTION_STATE_SUCCEEDED;
        },
        "the end of " + command);
    return last;
  }

  boost::asio::io_context io{1};
  fakes::TempFolder folder;
  fakes::ManualClock clock{kRight};
  fakes::FixedRandom random{1};  // waits are short
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_st>());
  fakes::ScriptedHub hub{io};
  wire::TaskGroup tasks{io.get_executor(), [](const std::exception& e) { ADD_FAILURE() << e.what(); }};
  std::vector<std::shared_ptr<Probe>> probes{std::make_shared<Probe>(Probe{"tank.temperature"})};
  Agent::Parts parts;
  std::unique_ptr<Agent> agent;
  pb::Hello hello;
  Received received;
};

TEST_F(AgentTest, what_sensors_say_reaches_the_hub_under_their_names_and_times) {
  probes[0]->value = 21.5;
  start_welcomed();
  wait_for_a_frame();
  receive_until([this] { return received.frames > 0; }, "a frame");
  const auto& readings = received.readings["tank.temperature"];
  ASSERT_FALSE(readings.empty());
  EXPECT_EQ(readings[0], std::make_pair(kRight, 21.5));
  EXPECT_EQ(received.flagged, 0);
  EXPECT_EQ(received.last.count(0), 1u) << "the live lane";
}

TEST_F(AgentTest, what_comes_by_itself_leaves_without_waiting_for_a_turn) {
  const auto speaker = std::make_shared<Speaker>();
  parts.config.interval_us = 3'600'000'000;
  parts.find_sensors = [&] {
    Sensors sensors;
    sensors.push_back(std::make_unique<SpeakerSensor>(speaker));
    return sensors;
  };
  start_welcomed();
  hub.until([this] { return agent->link().is_live(); }, "the live lane");
  speaker->say(1.0);
  receive_until([this] { return received.readings["door.openings"].size() == 1; }, "what was said");
  EXPECT_EQ(received.frames, 1);
  clock.advance(std::chrono::microseconds(std::chrono::seconds(1)).count());
  speaker->say(2.0);
  receive_until([this] { return received.readings["door.openings"].size() == 2; }, "what was said then");
  EXPECT_EQ(received.frames, 2);
  EXPECT_EQ(received.last.count(0), 1u) << "the live lane";
}

TEST_F(AgentTest, what_a_turn_has_taken_holds_nothing_up) {
  const auto speaker = std::make_shared<Speaker>();
  parts.config.interval_us = parts.config.latency_us = parts.config.flush_us = 3'600'000'000;
  parts.find_sensors = [&] {
    Sensors sensors;
    sensors.push_back(std::make_unique<SpeakerSensor>(speaker));
    return sensors;
  };
  start_welcomed();
  hub.until([this] { return agent->link().is_live(); }, "the live lane");
  // Told of something that is gone by the time the agent looks: a frame that counted as left would keep the next one
  // back for an hour.
  speaker->looks = 0;
  speaker->tell();
  hub.until([&] { return speaker->looks > 0; }, "a look at what is not there");
  speaker->say(1.0);
  receive_until([this] { return received.readings["door.openings"].size() == 1; }, "what was said");
}

TEST_F(AgentTest, hello_describes_the_device) {
  parts.config.commands.push_back({"water", "Water", "operator", {"/bin/true"}, "", 1'000, false});
  start_welcomed();
  std::set<std::string> commands;
  for (const auto& c : hello.commands()) commands.insert(c.name());
  EXPECT_EQ(commands, (std::set<std::string>{"ping", "sample-now", "water"}));
  EXPECT_TRUE(hello.attributes().contains("kernel"));
  EXPECT_EQ(hello.attributes().at("agent"), TELEMETRY_VERSION);
  EXPECT_EQ(hello.boot_id().size(), 16u);
  EXPECT_TRUE(hello.clock_synchronised());
}

TEST_F(AgentTest, readings_made_while_the_hub_is_away_come_in_the_backfill_lane) {
  hub.fail_with("connection refused", false);
  start();
  wait_for_a_frame();
  hub.accept();
  hub.until([this] { return !agent->link().state().empty() && hub.connects() > 0 && hub.has_peer(); }, "a connection");
  hub.welcome();
  receive_until([this] { return received.frames > 0; }, "the frame");
  EXPECT_EQ(received.last.count(1), 1u);
  EXPECT_EQ(received.readings["tank.temperature"].at(0).first, kRight);
}

TEST_F(AgentTest, readings_before_the_first_synchronisation_get_the_hub_s_time_before_they_are_sent) {
  clock.set_wall(kWrong);
  clock.set_synchronised(false);
  hub.fail_with("connection refused", false);
  start();
  const std::int64_t boot = clock.boot_us();
  wait_for_a_frame();   // closed while nobody knew the time
  wait_for_samples(2);  // not closed yet
  hub.accept();
  hub.until([this] { return hub.has_peer(); }, "a connection");
  const std::int64_t passed = clock.boot_us() - boot;
  hub.welcome({}, 1 << 20, static_cast<double>(kRight + passed));
  hub.until([this] { return agent->link().is_welcomed(); }, "the welcome");
  wait_for_a_frame();
  receive_until([this] { return received.last.count(0) == 1 && received.last.count(1) == 1; }, "frames of both lanes");
  EXPECT_EQ(received.rebased, received.frames);
  EXPECT_EQ(received.flagged, received.frames);
  for (const auto& [time, value] : received.readings["tank.temperature"]) {
    EXPECT_GE(time, kRight);
    EXPECT_LE(time, kRight + clock.boot_us() - boot);
  }
  EXPECT_EQ(received.readings["tank.temperature"].at(0).first, kRight);
}

TEST_F(AgentTest, readings_before_the_first_synchronisation_get_this_clock_s_time_when_it_is_synchronised) {
  clock.set_wall(kWrong);
  clock.set_synchronised(false);
  hub.fail_with("connection refused", false);
  start();
  const std::int64_t boot = clock.boot_us();
  wait_for_a_frame();
  wait_for_samples(2);
  clock.set_wall(kRight + clock.boot_us() - boot);
  clock.set_synchronised(true);
  hub.until([this] { return says("clock_synchronised", true) || (clock.advance(100'000), false); }, "the sync");
  wait_for_a_frame();
  hub.accept();
  hub.until([this] { return hub.has_peer(); }, "a connection");
  hub.welcome({}, 1 << 20, 1.0);  // a hub with another idea of the time changes nothing
  receive_until([this] { return received.frames >= 3; }, "the frames");
  const auto& readings = received.readings["tank.temperature"];
  EXPECT_EQ(readings.at(0).first, kRight);
  EXPECT_TRUE(std::is_sorted(readings.begin(), readings.end()));
  EXPECT_GE(received.rebased, 2);
  EXPECT_EQ(received.rebased, received.flagged);
  EXPECT_LT(received.flagged, received.frames) << "what came after the synchronisation is not flagged";
}

TEST_F(AgentTest, a_sensor_plugged_in_later_is_found_and_none_is_taken_twice) {
  start_welcomed();
  wait_for_samples(1);
  probes.push_back(std::make_shared<Probe>(Probe{"usb.humidity"}));
  probes.push_back(std::make_shared<Probe>(Probe{"usb.humidity"}));
  clock.advance(30'000'000);
  hub.until([this] { return probes[1]->samples > 0; }, "the new sensor");
  wait_for_samples(3);
  EXPECT_EQ(probes[2]->samples, 0) << "a name is one series";
  wait_for_a_frame();
  receive_until([this] { return received.readings.contains("usb.humidity"); }, "its readings");
  clock.advance(30'000'000);
  const int before = probes[1]->samples, first = probes[0]->samples;
  wait_for_samples(10);
  EXPECT_NEAR(probes[1]->samples - before, probes[0]->samples - first, 1);
}

TEST_F(AgentTest, what_is_no_number_is_left_out) {
  probes.push_back(std::make_shared<Probe>(Probe{"broken", std::numeric_limits<double>::quiet_NaN()}));
  start_welcomed();
  wait_for_a_frame();
  receive_until([this] { return received.frames > 0; }, "a frame");
  EXPECT_GT(probes[1]->samples, 0);
  EXPECT_FALSE(received.readings.contains("broken"));
}

TEST_F(AgentTest, ping_and_sample_now_are_answered) {
  start_welcomed();
  const auto ping = execute("ping");
  ASSERT_TRUE(ping);
  EXPECT_EQ(ping->state(), pb::EXECUTION_STATE_SUCCEEDED);
  EXPECT_EQ(boost::json::parse(ping->result_json()).at("time_us").as_int64(), kRight);
  probes[0]->value = 33.25;
  const auto sampled = execute("sample-now");
  ASSERT_TRUE(sampled);
  EXPECT_EQ(boost::json::parse(sampled->result_json()).at("tank.temperature").as_double(), 33.25);
  receive_until([this] { return received.frames > 0; }, "the frame, at once: no time has passed");
}

TEST_F(AgentTest, a_leased_alert_runs_the_configured_command) {
  const std::string mark = folder.path() + "/mark";
  parts.config.commands.push_back({"mark", "", "operator", {"/bin/mkdir", mark}, "", 10'000, false});
  parts.config.alerts.push_back({"*", "command", "mark", ""});
  start_welcomed();
  pb::HubMessage message;
  auto& lease = *message.mutable_lease();
  lease.set_alert_id("a");
  lease.set_rule("hot");
  lease.set_active(true);
  lease.set_server_time_us(1e15);
  lease.set_expires_us(1e15 + 60e6);
  hub.send(message);
  receive_until(
      [&] {
        return std::any_of(received.others.begin(), received.others.end(), [](const auto& m) {
          return m.has_lease_state() && m.lease_state().action() == "command:mark" && m.lease_state().error().empty();
        });
      },
      "what the device did");
  hub.until([&] { return std::filesystem::is_directory(mark); }, "the command's effect");
}

TEST_F(AgentTest, another_configuration_is_announced_at_once) {
  start_welcomed();
  wait_for_samples(3);
  AgentConfig config = parts.config;
  config.commands.push_back({"water", "Water", "operator", {"/bin/true"}, "", 1'000, false});
  probes.push_back(std::make_shared<Probe>(Probe{"new.sensor"}));
  config.sensor_part = "other";
  agent->reload(config, parts.find_sensors);
  hub.until_connected(2);
  hello = hub.welcome();
  hub.until([this] { return agent->link().is_welcomed(); }, "the welcome");
  std::set<std::string> commands;
  for (const auto& c : hello.commands()) commands.insert(c.name());
  EXPECT_TRUE(commands.contains("water"));
  EXPECT_EQ(execute("water")->state(), pb::EXECUTION_STATE_SUCCEEDED);
  wait_for_a_frame();
  receive_until([this] { return received.readings.contains("new.sensor"); }, "the new sensor");
}

TEST_F(AgentTest, a_configuration_of_the_same_commands_leaves_the_link_alone) {
  start_welcomed();
  AgentConfig config = parts.config;
  config.interval_us = 2'000;
  agent->reload(config, parts.find_sensors);
  wait_for_samples(5);
  EXPECT_EQ(hub.connects(), 1);
  agent->note_config_problem("agent.toml:3: agent.interval: must be …");
  EXPECT_TRUE(says("config_problem", "agent.toml:3: agent.interval: must be …"));
  EXPECT_TRUE(says("interval_us", 2'000));
  agent->reload(config, parts.find_sensors);
  EXPECT_TRUE(says("config_problem", nullptr));
}

TEST_F(AgentTest, set_interval_counts_after_a_restart_until_the_configuration_says_something_else) {
  parts.config.allowed = {"set-interval"};
  parts.config.interval_us = 60'000'000;
  start_welcomed();
  EXPECT_EQ(execute("set-interval", R"({"seconds":0.5})")->state(), pb::EXECUTION_STATE_SUCCEEDED);
  const auto interval = [this] {
    agent->note_config_problem({});  // tells the status
    return status()["interval_us"].as_int64();
  };
  EXPECT_EQ(interval(), 500'000);
  stop();
  start();
  EXPECT_EQ(interval(), 500'000);
  stop();
  parts.config.interval_us = 30'000'000;
  start();
  EXPECT_EQ(interval(), 30'000'000);
}

TEST_F(AgentTest, without_leave_of_the_config_no_built_in_changes_anything) {
  parts.restart = [] { ADD_FAILURE() << "restarted"; };
  start_welcomed();
  for (const char* command : {"set-interval", "restart-agent", "reboot", "set-output"}) {
    EXPECT_EQ(execute(command)->state(), pb::EXECUTION_STATE_REJECTED) << command;
  }
}

TEST_F(AgentTest, outputs_are_switched_by_command_and_alert_and_safe_at_the_end) {
  auto gpio = std::make_shared<fakes::FakeGpio>();
  gpio->lines["/dev/gpiochip0"] = {{"SIREN"}};
  parts.gpio = gpio;
  GpioOutputConfig siren;
  siren.name = "siren";
  siren.address.line = "SIREN";
  parts.config.outputs.push_back(siren);
  AlertConfig alert{"*", "output", "", ""};
  alert.output = "siren";
  parts.config.alerts.push_back(alert);
  start_welcomed();
  EXPECT_EQ(execute("set-output", R"({"name":"siren","value":true,"for":0.05})")->state(),
            pb::EXECUTION_STATE_SUCCEEDED);
  hub.until([&] { return gpio->line("SIREN").history.size() == 3; }, "the end of the pulse");
  pb::HubMessage message;
  auto& lease = *message.mutable_lease();
  lease.set_alert_id("a");
  lease.set_rule("hot");
  lease.set_active(true);
  lease.set_server_time_us(1e15);
  lease.set_expires_us(1e15 + 60e6);
  hub.send(message);
  hub.until([&] { return gpio->line("SIREN").level; }, "the siren");
  stop();
  EXPECT_EQ(gpio->line("SIREN").history, (std::vector<bool>{false, true, false, true, false}));
}

TEST_F(AgentTest, a_clean_stop_leaves_every_unacknowledged_reading_on_disk) {
  start_welcomed();
  wait_for_samples(5);
  stop();
  const auto taken = static_cast<std::size_t>(probes[0]->samples);
  base::Id128 other{};
  other.fill(7);
  auto spool = Spool::open({parts.state_folder + "/spool"}, other, other).value();
  Received left;
  for (const auto& stream : spool->streams()) {
    for (std::uint64_t n = stream.first_held; n < stream.next; ++n) {
      const auto item = spool->read(stream.epoch, stream.lane, n);
      ASSERT_TRUE(item && !item->is_gap);
      pb::DeviceMessage message;
      message.mutable_frame()->set_body(item->bytes);
      left.take(message);
    }
  }
  EXPECT_EQ(left.readings["tank.temperature"].size(), taken);
}

TEST_F(AgentTest, the_status_is_found_in_the_state_folder_and_goes_with_the_agent) {
  start_welcomed();
  clock.advance(2'000'000);
  hub.until([this] { return says("state", "connected"); }, "the status");
  EXPECT_TRUE(std::filesystem::is_symlink(parts.state_folder + "/status.json"));
  EXPECT_TRUE(says("problem", nullptr));
  hub.fail_with("connection refused", false);
  hub.peer().hang_up();
  hub.until([this] { return !says("state", "connected") || (clock.advance(100'000), false); }, "the change");
  EXPECT_TRUE(read_status(parts.state_folder)->is_running);
  stop();
  EXPECT_FALSE(read_status(parts.state_folder));
}

TEST_F(AgentTest, a_simulated_device_tells_no_status_and_runs_no_command_of_the_config) {
  parts.simulated = true;
  parts.config.commands.push_back({"water", "Water", "operator", {"/bin/true"}, "", 1'000, false});
  start_welcomed();
  clock.advance(2'000'000);
  wait_for_samples(5);
  EXPECT_EQ(hello.commands_size(), 2);
  EXPECT_EQ(hello.attributes().at("simulated"), "true");
  EXPECT_TRUE(status().empty());
}

TEST_F(AgentTest, a_state_folder_that_cannot_be_used_is_an_error_and_no_crash) {
  std::ofstream(folder.path() + "/file") << "x";
  parts.state_folder = folder.path() + "/file";
  EXPECT_FALSE(Agent::make(io.get_executor(), parts, clock, random, log));
}

}  // namespace
}  // namespace agent
