#include "device-agent/sensors/bus_sensor.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>

#include "tests/fakes/temp_folder.h"
#include "tests/unit/device-agent/sensors/sensor_fixture.h"

namespace agent {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kLong{20};

/// Reads files named a, b, c …; a round calls `between` after each.
class ListBus final : public Bus {
 public:
  explicit ListBus(std::vector<std::string> paths) : paths_(std::move(paths)) {}
  std::vector<SeriesSpec> find() override { return {}; }
  void read(BusRound& round) override {
    for (const auto& path : paths_) {
      if (const auto value = round.number(path)) round.put({path, "", ValueType::number}, *value);
    }
  }

 private:
  std::vector<std::string> paths_;
};

/// Errors and values by path; a path of `hangs` waits until it is let go, whatever signals come.
class FakeFiles final : public BusFiles {
 public:
  FileText read(const std::string& path) override {
    std::unique_lock lock(mutex);
    ++reads;
    while (path == hangs) {
      is_hanging = true;
      changed.notify_all();
      changed.wait(lock);
    }
    const auto error = errors.find(path);
    return error != errors.end() ? FileText{error->second, {}} : FileText{0, "7\n"};
  }
  int write(const std::string&, const std::string&) override { return 0; }
  void wait_until_hanging() {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, kLong, [this] { return is_hanging; }));
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    hangs.clear();
    changed.notify_all();
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::string hangs;
  bool is_hanging = false;
  std::map<std::string, int> errors;
  int reads = 0;
};

class BusSensorTest : public ::testing::Test {
 protected:
  std::unique_ptr<BusSensor> make(std::vector<std::string> paths) {
    BusOptions options;
    options.kind = "bus";
    options.files = files;
    options.boot_us = [this] { return boot_us.load(); };
    return std::make_unique<BusSensor>(options, std::make_unique<ListBus>(std::move(paths)));
  }
  std::map<std::string, std::int64_t> ages(BusSensor& sensor) {
    std::vector<Sample> samples;
    sensor.sample({boot_us, boot_us}, samples);
    std::map<std::string, std::int64_t> out;
    for (const auto& s : samples) out[sensor.series()[s.index].name] = s.age_us;
    return out;
  }

  std::shared_ptr<FakeFiles> files = std::make_shared<FakeFiles>();
  std::atomic<std::int64_t> boot_us{1'000'000};
};

using Ages = std::map<std::string, std::int64_t>;

TEST_F(BusSensorTest, sampling_never_waits_and_hands_over_what_came_since) {
  auto sensor = make({"a", "b"});
  EXPECT_TRUE(sensor->series().empty());
  ASSERT_TRUE(sensor->refresh(kLong));
  EXPECT_EQ(ages(*sensor), (Ages{{"a", 0}, {"b", 0}}));
  EXPECT_EQ(sensor->identity(), "bus");
  EXPECT_EQ(sensor->problem(), "");
}

TEST_F(BusSensorTest, a_reading_says_how_old_it_is_from_a_twentieth_of_a_second_on) {
  auto sensor = make({"a"});
  ASSERT_TRUE(sensor->refresh(kLong));
  boot_us += 437'000;
  EXPECT_EQ(ages(*sensor), (Ages{{"a", 430'000}}));
  ASSERT_TRUE(sensor->refresh(kLong));
  boot_us += 49'999;
  EXPECT_EQ(ages(*sensor), (Ages{{"a", 0}}));
}

TEST_F(BusSensorTest, a_reading_is_handed_over_once_and_the_next_one_is_read_by_itself) {
  auto sensor = make({"a"});
  ASSERT_TRUE(sensor->refresh(kLong));
  EXPECT_EQ(ages(*sensor).size(), 1u);
  // Its thread reads on; this comes without refresh(), at some sample() after it.
  const auto last = Clock::now() + kLong;
  while (ages(*sensor).empty() && Clock::now() < last) std::this_thread::yield();
  EXPECT_LT(Clock::now(), last);
}

TEST_F(BusSensorTest, an_error_is_said_and_stops_nobody) {
  files->errors = {{"a", EIO}, {"b", ENOENT}, {"d", EACCES}, {"e", ENODATA}};
  auto sensor = make({"a", "b", "c", "d", "e"});
  ASSERT_TRUE(sensor->refresh(kLong));
  EXPECT_EQ(ages(*sensor), (Ages{{"c", 0}}));
  EXPECT_EQ(sensor->problem(), "bus: a: Input/output error (and 1 more)");
  {
    const std::lock_guard lock(files->mutex);
    files->errors.clear();
  }
  ASSERT_TRUE(sensor->refresh(kLong));
  EXPECT_EQ(ages(*sensor).size(), 5u);
  EXPECT_EQ(sensor->problem(), "");
}

TEST_F(BusSensorTest, what_was_read_before_one_that_hangs_is_handed_over_and_the_hang_said) {
  files->hangs = "b";
  auto sensor = make({"a", "b", "c"});
  EXPECT_TRUE(ages(*sensor).empty());  // starts it
  files->wait_until_hanging();
  EXPECT_EQ(ages(*sensor), (Ages{{"a", 0}}));
  boot_us += 8'000'000;
  EXPECT_EQ(sensor->problem(), "bus: b does not answer");
  EXPECT_TRUE(ages(*sensor).empty());
  files->let_go();
  ASSERT_TRUE(sensor->refresh(kLong));
  EXPECT_EQ(ages(*sensor).size(), 3u);
}

TEST_F(BusSensorTest, it_ends_in_bounded_time_also_within_a_driver_that_nothing_interrupts) {
  files->hangs = "a";
  auto sensor = make({"a"});
  EXPECT_TRUE(ages(*sensor).empty());
  files->wait_until_hanging();
  const auto began = Clock::now();
  sensor.reset();
  EXPECT_LT(Clock::now() - began, std::chrono::seconds(10));
  EXPECT_GT(files.use_count(), 1) << "what its thread touches is still there";
  files->let_go();
  const auto last = Clock::now() + kLong;
  while (files.use_count() > 1 && Clock::now() < last) std::this_thread::yield();
  EXPECT_EQ(files.use_count(), 1) << "and goes with it";
}

TEST_F(BusSensorTest, one_that_was_never_sampled_has_no_thread) {
  auto sensor = make({"a"});
  sensor.reset();
  EXPECT_EQ(files->reads, 0);
}

TEST_F(BusSensorTest, series_past_the_bound_are_left_out_and_said) {
  std::vector<std::string> many;
  for (int i = 0; i < 3'000; ++i) many.push_back("s" + std::to_string(i));
  auto sensor = make(many);
  ASSERT_TRUE(sensor->refresh(kLong));
  EXPECT_EQ(ages(*sensor).size(), 1'024u);
  EXPECT_EQ(sensor->problem(), "bus: more than 1024 series; the rest is left out");
}

/// Real files: a pipe that nobody writes hangs as a driver does.
class HangingFileTest : public SensorTest {
 protected:
  void put_pipe(const std::string& path) { ASSERT_EQ(::mkfifo((folder_.path() + path).c_str(), 0600), 0); }
};

TEST_F(HangingFileTest, a_read_that_hangs_is_interrupted_and_left_alone_while_the_others_go_on) {
  put("/b", "5\n");
  put_pipe("/a");
  std::atomic<std::int64_t> boot_us{1'000'000};
  BusOptions options;
  options.kind = "bus";
  options.boot_us = [&boot_us] { return boot_us.load(); };
  BusSensor sensor(options,
                   std::make_unique<ListBus>(std::vector<std::string>{folder_.path() + "/a", folder_.path() + "/b"}));
  std::vector<Sample> samples;
  const auto last = Clock::now() + kLong;
  while (samples.empty() && Clock::now() < last) {
    sensor.sample({boot_us, boot_us}, samples);
    boot_us += 1'000'000;  // each look finds it hanging a second longer; past ten it is interrupted
    std::this_thread::yield();
  }
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_EQ(std::get<double>(samples[0].value), 5);
  ASSERT_TRUE(sensor.refresh(kLong)) << "it is not opened again at once";
  EXPECT_NE(sensor.problem().find("/a: did not answer, and is left alone"), std::string::npos) << sensor.problem();
}

TEST_F(HangingFileTest, an_agent_s_other_sensors_do_not_wait_for_it_and_the_end_is_quick) {
  put("/proc/uptime", "5 1\n");
  put("/sys/class/hwmon/hwmon0/name", "x\n");
  put_pipe("/sys/class/hwmon/hwmon0/temp1_input");
  detect();
  std::vector<Sample> samples;
  const auto began = Clock::now();
  for (const auto& sensor : sensors_) sensor->sample(now_, samples);
  EXPECT_FALSE(samples.empty());
  sensors_.clear();
  EXPECT_LT(Clock::now() - began, std::chrono::seconds(10));
}

TEST_F(HangingFileTest, a_pipe_where_a_local_file_should_be_hangs_nobody) {
  put("/proc/uptime", "5 1\n");
  detect();
  take_away("/proc/uptime");
  put_pipe("/proc/uptime");
  EXPECT_FALSE(sample().contains("uptime"));
}

}  // namespace
}  // namespace agent
