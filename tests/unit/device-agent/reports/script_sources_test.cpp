// The sources with real children, files and sockets.
#include "device-agent/reports/script_sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "device-agent/reports/push_socket.h"
#include "tests/fakes/temp_folder.h"

namespace agent {
namespace {

using testing::HasSubstr;
using Steady = std::chrono::steady_clock;

class SourceTest : public testing::Test {
 protected:
  ReportParts parts() { return {std::make_shared<Aside>(), clock, 1'000}; }
  void fetch() {
    std::vector<Sample> samples;
    const SampleTime now{clock.now_us(), clock.boot_us()};
    sensor->sample(now, samples);
    for (const auto& s : samples) {
      got[sensor->series()[s.index].name].push_back(s.value);
      ages[sensor->series()[s.index].name] = s.age_us;
    }
  }
  /// Samples until `is_so`; a minute at most.
  template <typename Condition>
  void until(Condition is_so, const char* what) {
    const auto end = Steady::now() + std::chrono::minutes(1);
    for (fetch(); !is_so(); fetch()) {
      ASSERT_LT(Steady::now(), end) << "waited in vain for " << what << "; problem: " << sensor->problem();
      std::this_thread::yield();
    }
  }
  void until_problem(const std::string& words) {
    until([&] { return sensor->problem().find(words) != std::string::npos; }, words.c_str());
  }
  std::size_t count(const std::string& name) { return got[name].size(); }
  std::string unit_of(const std::string& name) {
    for (const auto& s : sensor->series()) {
      if (s.name == name) return s.unit;
    }
    return "no such series";
  }
  void put(const std::string& name, const std::string& text) {
    std::ofstream(folder.path() + "/" + name + ".new") << text;
    std::filesystem::rename(folder.path() + "/" + name + ".new", folder.path() + "/" + name);
  }
  /// What a process has written down of itself, once it has; 0 before.
  pid_t pid_in(const std::string& name) {
    pid_t pid = 0;
    std::ifstream(folder.path() + "/" + name) >> pid;
    return pid;
  }

  const fakes::TempFolder folder;
  const base::SystemClock clock{};
  std::unique_ptr<Sensor> sensor;
  std::map<std::string, std::vector<Value>> got;
  std::map<std::string, std::int64_t> ages;
};

bool is_alive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  return std::getline(stat, line) && line.find(") Z ") == std::string::npos;
}

class Exec : public SourceTest {
 protected:
  void start(const std::string& script, ReportFormat format = ReportFormat::influx) {
    config.run = {"/bin/sh", "-c", script};
    config.format = format;
    sensor = make_exec_sensor(parts(), config);
  }
  ExecConfig config{{"x", "", {}}, {}, {}, 100'000, 60'000'000, {}};
};

TEST_F(Exec, runs_again_and_again_and_names_its_series) {
  config.report.unit = "m";
  config.report.units["tank.temp"] = "Cel";
  config.environment = {"DEPTH=3.2"};
  start("echo tank level=$DEPTH,temp=21; echo \"who source=\\\"$DEVICE_AGENT_SOURCE\\\"\"");
  EXPECT_EQ(sensor->identity(), "exec x");
  EXPECT_TRUE(sensor->series().empty());
  until([&] { return count("x.tank.level") >= 3; }, "three runs");
  EXPECT_EQ(got["x.tank.level"][0], Value(3.2));
  EXPECT_EQ(got["x.who.source"][0], Value(std::string("exec x")));
  EXPECT_EQ(unit_of("x.tank.level"), "m");
  EXPECT_EQ(unit_of("x.tank.temp"), "Cel");
  EXPECT_EQ(sensor->promised_us(), 100'000);
}

TEST_F(Exec, a_plain_value_has_the_name_of_the_config) {
  config.interval_us = 3'600'000'000;  // a busy machine may take longer than a tenth of a second, which would be said
  start("echo 21.5", ReportFormat::plain);
  until([&] { return count("x") > 0; }, "a value");
  ASSERT_EQ(count("x"), 1u);
  EXPECT_EQ(got["x"][0], Value(21.5));
  EXPECT_EQ(sensor->problem(), "");
}

TEST_F(Exec, a_failure_says_exit_code_and_last_words_and_what_was_printed_counts) {
  start("echo a v=1; echo nonsense; echo first >&2; echo the sensor is gone >&2; exit 3");
  until_problem("exec x: exit code 3, it said: the sensor is gone; line 2: no field=value stands behind \"nonsense\"");
  until([&] { return count("x.a") + count("x.a.v") > 0; }, "its reading");
}

TEST_F(Exec, one_that_hangs_is_killed_with_all_it_has_started) {
  config.timeout_us = 300'000;
  config.interval_us = 3'600'000'000;
  start("echo a v=1; echo half v=; sleep 600 & echo $! > " + folder.path() + "/pid; wait");
  until_problem("killed after 300 ms");
  EXPECT_NE(pid_in("pid"), 0);
  until([&] { return !is_alive(pid_in("pid")); }, "the end of what it has started");
}

TEST_F(Exec, what_it_leaves_behind_is_ended) {
  config.interval_us = 3'600'000'000;
  start("sleep 600 & echo $! > " + folder.path() + "/pid; echo a v=1");
  until([&] { return count("x.a.v") > 0; }, "its reading");
  until([&] { return !is_alive(pid_in("pid")); }, "the end of what it left");
}

TEST_F(Exec, a_flood_is_cut_and_said) {
  start("yes 'a v=1'");
  config.timeout_us = 500'000;
  sensor = make_exec_sensor(parts(), config);
  until_problem("more than 256 KiB");
  until([&] { return count("x.a.v") > 5'000; }, "what fits");
}

TEST_F(Exec, a_program_that_is_not_there_is_named) {
  config.run = {"/nowhere/script"};
  sensor = make_exec_sensor(parts(), config);
  until_problem("cannot start /nowhere/script: the program: No such file");
}

TEST_F(Exec, the_end_of_the_agent_ends_it_at_once_also_one_that_ignores_that) {
  start("trap '' TERM; echo $$ > " + folder.path() + "/pid; while true; do sleep 1; done");
  until([&] { return pid_in("pid") != 0; }, "the child");
  const pid_t child = pid_in("pid");
  EXPECT_TRUE(is_alive(child));
  const auto began = Steady::now();
  sensor.reset();
  EXPECT_LT(Steady::now() - began, std::chrono::seconds(30));
  EXPECT_FALSE(is_alive(child));
}

class Execd : public SourceTest {
 protected:
  void start(const std::string& script) {
    config.run = {"/bin/sh", "-c", script};
    sensor = make_execd_sensor(parts(), config);
  }
  ExecdConfig config{{"d", "", {}}, {}, {}, 0, 0, 100'000, ReportFormat::influx};
};

TEST_F(Execd, stays_and_is_heard_line_by_line) {
  start("echo a v=1; echo a v=2; echo garbage; echo a v=3; exec sleep 600");
  until([&] { return count("d.a.v") == 3; }, "three lines");
  EXPECT_EQ(got["d.a.v"], (std::vector<Value>{1.0, 2.0, 3.0}));
  until_problem("line 3: no field=value stands behind \"garbage\" (1 bad lines so far)");
}

TEST_F(Execd, what_it_prints_is_told_at_once_and_waits_to_be_taken) {
  std::atomic<int> told = 0;
  const std::string pipe = folder.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  config.run = {"/bin/sh", "-c", "exec <" + pipe + "; while read word; do echo $word v=1; done; exec sleep 600"};
  sensor = make_execd_sensor(parts(), config);
  sensor->tell_arrivals([&] { ++told; });
  fetch();  // starts it
  std::ofstream words(pipe);
  const auto until_told = [&](int times) {
    const auto end = Steady::now() + std::chrono::minutes(1);
    while (told < times && Steady::now() < end) std::this_thread::yield();
    EXPECT_EQ(told, times);
  };
  words << "a\n" << std::flush;
  until_told(1);
  EXPECT_TRUE(sensor->has_arrivals());
  fetch();
  EXPECT_EQ(count("d.a.v"), 1u);
  EXPECT_FALSE(sensor->has_arrivals());
  words << "a\n" << std::flush;
  until_told(2);
  sensor.reset();  // nobody is told any more
}

TEST_F(Exec, what_is_fetched_by_a_plan_is_not_told) {
  std::atomic<int> told = 0;
  start("echo a v=1");
  sensor->tell_arrivals([&] { ++told; });
  until([&] { return count("x.a.v") >= 2; }, "two runs");
  EXPECT_EQ(told, 0);
  EXPECT_FALSE(sensor->has_arrivals());
}

TEST_F(Execd, is_started_again_when_it_ends) {
  start("echo a v=1; echo no probe >&2; exit 7");
  until([&] { return count("d.a.v") >= 3; }, "three lives");
  until_problem("exit code 7, it said: no probe; it is started again after");
}

TEST_F(Execd, one_that_falls_silent_is_started_again) {
  config.timeout_us = 1'000'000;
  start("echo a v=1; exec sleep 600");
  until_problem("no reading for too long");
  until([&] { return count("d.a.v") >= 2; }, "another life");
}

TEST_F(Execd, silence_past_its_interval_is_said) {
  config.interval_us = 100'000;
  start("exec sleep 600");
  until_problem("has printed nothing for");
}

TEST_F(Execd, ends_with_the_agent) {
  start("trap 'exit 0' TERM; echo $$ > " + folder.path() + "/pid; echo a v=1; while true; do sleep 0.1; done");
  until([&] { return count("d.a.v") > 0; }, "its reading");
  const pid_t child = pid_in("pid");
  sensor.reset();
  EXPECT_FALSE(is_alive(child));
}

TEST_F(Execd, a_flood_is_slowed_and_its_loss_counted) {
  start("exec yes 'a v=1'");
  until_problem("more readings than the agent takes");
  EXPECT_THAT(sensor->series().size(), 1u);
}

class Textfile : public SourceTest {
 protected:
  void start(const std::string& pattern) {
    config.path = folder.path() + pattern;
    sensor = make_textfile_sensor(parts(), config);
  }
  TextfileConfig config{{}, {}, 100'000, 3'600'000'000};
};

TEST_F(Textfile, each_extension_has_its_format) {
  put("a.prom", "temp_celsius 20\n");
  put("b.lp", "tank level=3\n");
  put("c.json", "{\n\"door\": true\n}\n");
  put("mood.txt", "sunny\n");
  put("ignored.bak", "x 1\n");
  start("");
  until([&] { return count("temp_celsius") && count("tank.level") && count("door") && count("mood"); }, "all four");
  EXPECT_EQ(unit_of("temp_celsius"), "Cel");
  EXPECT_EQ(got["mood"][0], Value(std::string("sunny")));
  EXPECT_EQ(sensor->problem(), "");
}

TEST_F(Textfile, a_change_is_seen_and_what_does_not_change_is_still_true) {
  put("a.prom", "x 1\n");
  start("/*.prom");
  until([&] { return count("x") >= 3; }, "three looks");
  put("a.prom", "x 2\n");
  until([&] { return got["x"].back() == Value(2.0); }, "the change");
}

TEST_F(Textfile, a_stale_file_says_so_and_is_not_sent) {
  put("old.prom", "x 1\n");
  std::filesystem::last_write_time(folder.path() + "/old.prom",
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  start("");
  until_problem("old.prom: not written for at least 7000 s");
  EXPECT_EQ(count("x"), 0u);
  put("old.prom", "x 2\n");
  until([&] { return count("x") > 0 && sensor->problem().empty(); }, "the new one");
}

TEST_F(Textfile, garbage_too_large_and_missing_files_are_named) {
  put("bad.prom", "x 1\nnot a sample\ny 2\n");
  std::filesystem::last_write_time(folder.path() + "/bad.prom",
                                   std::filesystem::file_time_type::clock::now() - std::chrono::minutes(1));
  put("huge.prom", std::string(2 * 1'024 * 1'024, 'x'));
  std::filesystem::last_write_time(folder.path() + "/huge.prom",
                                   std::filesystem::file_time_type::clock::now() - std::chrono::minutes(1));
  start("");
  until_problem("bad.prom: line 2:");
  EXPECT_THAT(sensor->problem(), HasSubstr("huge.prom: is larger than 1 MiB"));
  until([&] { return count("x") > 0 && count("y") > 0; }, "the good lines");
  start("/nothing.prom");
  until_problem("there is no such file");
}

class Push : public SourceTest {
 protected:
  void SetUp() override {
    path = folder.path() + "/run/push.sock";
    sensor = make_push_sensor(parts(), {}, path);
    fetch();
    connect();
  }
  void TearDown() override { ::close(fd); }
  void connect() {
    if (fd >= 0) ::close(fd);
    const auto end = Steady::now() + std::chrono::minutes(1);
    while ((fd = connect_to(path)) < 0) {
      ASSERT_LT(Steady::now(), end);
      std::this_thread::yield();
    }
  }
  void say(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t n = ::send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
      if (n > 0) at += static_cast<std::size_t>(n);
      if (n < 0 && errno != EAGAIN) return;
      if (n < 0) std::this_thread::yield();
    }
  }
  /// One line of answer; what there was when the connection ended.
  std::string answer() {
    std::string line;
    char c = 0;
    const auto end = Steady::now() + std::chrono::minutes(1);
    while (Steady::now() < end) {
      const ssize_t n = ::recv(fd, &c, 1, 0);
      if (n == 0) return line + "<end>";
      if (n < 0) {
        if (errno != EAGAIN) return line + "<end>";
        std::this_thread::yield();
        continue;
      }
      if (c == '\n') return line;
      line.push_back(c);
    }
    return "nothing in a minute";
  }
  std::string ask(const std::string& text) {
    say(text);
    ::shutdown(fd, SHUT_WR);
    return answer();
  }

  std::string path;
  int fd = -1;
};

TEST_F(Push, line_protocol_is_answered_with_what_was_taken) {
  EXPECT_EQ(ask("tank level=3.2,temp=4\n# a comment\nroom,no=1 co2=400i"), "ok 3");
  until([&] { return count("tank.level") && count("tank.temp") && count("room.no:1.co2"); }, "them");
  EXPECT_EQ(sensor->promised_us(), 0);
}

TEST_F(Push, a_bad_line_is_named_and_the_others_are_taken) {
  EXPECT_EQ(ask("a v=1\nb v=2\nnonsense\nc v=x\nd v=4\n"),
            "error line 3: no field=value stands behind \"nonsense\" (and 1 more); 3 readings taken");
}

TEST_F(Push, json_with_unit_and_time) {
  const std::int64_t hour_ago = clock.now_us() / 1'000'000 - 3'600;
  EXPECT_EQ(
      ask("#format json\n{\"name\":\"tank\",\"value\":3.2,\"unit\":\"m\",\"time\":" + std::to_string(hour_ago) + "}\n"),
      "ok 1");
  until([&] { return count("tank") == 1; }, "it");
  EXPECT_EQ(unit_of("tank"), "m");
  EXPECT_GE(ages["tank"], 3'600'000'000);
  EXPECT_LT(ages["tank"], 3'700'000'000);
  connect();
  EXPECT_EQ(ask("#format xml\n"), "error line 1: #format must be influx or json; 0 readings taken");
}

TEST_F(Push, a_time_in_the_future_is_refused_once_the_clock_is_right) {
  ReportInbox inbox({"push", "", "", {}, 10});
  const std::int64_t now = 1'700'000'000'000'000;
  const Report report{"a", 1.0, "", now + 3'600'000'000};
  EXPECT_EQ(inbox.offer(report, {1, now, true}), "a: its time is 3600 s in the future");
  EXPECT_EQ(inbox.offer(report, {1, now, false}), "") << "this machine does not know the time yet, the script may";
  std::vector<SeriesSpec> series;
  std::vector<ReportInbox::Item> items;
  inbox.take(series, items, 10);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].wall_us, std::nullopt);
}

TEST_F(Push, a_client_that_stays_is_answered_at_each_pause) {
  say("a v=1\n");
  EXPECT_EQ(answer(), "ok 1");
  say("a v=2\na v=3\n");
  EXPECT_EQ(answer(), "ok 2");
  say("a v=4");
  EXPECT_EQ(answer(), "ok 1") << "the end of its patience is the end of a line";
  EXPECT_EQ(answer(), "<end>");
  until([&] { return count("a.v") == 4; }, "all of them");
}

TEST_F(Push, what_was_answered_is_not_answered_again_at_the_end) {
  say("a v=1\n");
  EXPECT_EQ(answer(), "ok 1");
  ::shutdown(fd, SHUT_WR);
  EXPECT_EQ(answer(), "<end>");
  connect();
  EXPECT_EQ(ask(""), "ok 0") << "whoever says nothing is told so";
}

TEST_F(Push, all_of_many_pushes_between_two_samplings_are_kept_and_the_overflow_is_said) {
  std::string many;
  for (int i = 0; i < 10'100; ++i) many += "a v=" + std::to_string(i) + "\n";
  say(many);
  ::shutdown(fd, SHUT_WR);
  std::size_t taken = 0, errors = 0;
  for (std::string line = answer(); line != "<end>"; line = answer()) {
    const std::size_t said = line.find(line[0] == 'o' ? "ok " : "; ");
    taken += std::stoul(line.substr(said + (line[0] == 'o' ? 3 : 2)));
    errors += line[0] == 'e';
    EXPECT_TRUE(line[0] == 'o' || line.find("more readings than the agent takes") != std::string::npos) << line;
  }
  EXPECT_EQ(taken, 10'000u);
  EXPECT_GE(errors, 1u);
  until([&] { return count("a.v") == 10'000; }, "all that were taken");
  for (std::size_t i = 0; i < 10'000; ++i) ASSERT_EQ(got["a.v"][i], Value(static_cast<double>(i)));
  EXPECT_THAT(sensor->problem(), HasSubstr("100 readings refused"));
}

TEST_F(Push, a_series_keeps_its_type_and_there_are_only_so_many) {
  EXPECT_EQ(ask("a v=1\na v=\"text\"\na v=t\n"),
            "error line 2: a.v was a number before and is a text now; 2 readings taken");
  connect();
  std::string many;
  for (int i = 0; i < 1'030; ++i) many += "s" + std::to_string(i) + " v=1\n";
  EXPECT_THAT(ask(many), HasSubstr("more than 1024 series"));
}

TEST_F(Push, more_than_sixteen_connections_are_refused) {
  say("a v=1\n");
  EXPECT_EQ(answer(), "ok 1");
  std::vector<int> others;
  for (int i = 0; i < 15; ++i) others.push_back(connect_to(path));
  const int first = std::exchange(fd, connect_to(path));
  EXPECT_EQ(answer(), "error more than 16 connections");
  for (const int other : others) ::close(other);
  ::close(first);
}

TEST_F(Push, the_socket_is_for_user_and_group_and_goes_with_the_agent) {
  const auto mode = std::filesystem::status(path).permissions();
  EXPECT_EQ(static_cast<unsigned>(mode), 0660u);
  auto second = make_push_sensor(parts(), {}, path);
  std::swap(sensor, second);
  until_problem("another agent listens there");
  sensor.reset();
  EXPECT_TRUE(std::filesystem::exists(path));
  second.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(Push, a_socket_that_a_killed_agent_left_is_taken_over) {
  sensor.reset();
  const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ASSERT_EQ(::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ASSERT_EQ(::bind(left, reinterpret_cast<sockaddr*>(&address), size), 0);
  ::close(left);
  ASSERT_TRUE(std::filesystem::exists(path));
  sensor = make_push_sensor(parts(), {}, path);
  fetch();
  connect();
  EXPECT_EQ(ask("a v=1\n"), "ok 1");
  PushConfig wrong;
  wrong.group = "no-such-group";
  sensor = make_push_sensor(parts(), wrong, folder.path() + "/other.sock");
  until_problem("there is no group \"no-such-group\"");
}

}  // namespace
}  // namespace agent
