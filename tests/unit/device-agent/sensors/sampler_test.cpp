#include "device-agent/sensors/sampler.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>

namespace agent {
namespace {

class Fake final : public Sensor {
 public:
  Fake(std::vector<std::string> names, std::int64_t interval_us = 0, std::string problem = {})
      : interval_us_(interval_us), problem_(std::move(problem)) {
    for (auto& name : names) series_.push_back({std::move(name), "", ValueType::number});
  }
  const std::vector<SeriesSpec>& series() const override { return series_; }
  std::int64_t interval_us() const override { return interval_us_; }
  std::string problem() const override { return problem_; }
  std::string identity() const override { return id; }
  std::optional<std::int64_t> promised_us() const override { return promised; }
  void sample(const SampleTime&, std::vector<Sample>& out) override {
    if (grows) series_.push_back({"grown" + std::to_string(series_.size()), "", ValueType::number});
    for (std::size_t i = 0; i < series_.size(); ++i) out.push_back({i, value, age_us});
  }
  std::int64_t least_interval_us() const override { return least_us; }
  void tell_arrivals(std::function<void()> tell) override { tell_ = std::move(tell); }
  bool has_arrivals() const override { return arrivals; }
  const std::function<void()>& tell() const { return tell_; }
  bool arrivals = false;
  bool grows = false;
  std::int64_t least_us = 0;
  std::string id;
  double value = 1;
  std::int64_t age_us = 0;
  std::optional<std::int64_t> promised;

 private:
  std::function<void()> tell_;
  std::int64_t interval_us_;
  std::string problem_;
  std::vector<SeriesSpec> series_;
};

/// What one turn gave: names in order.
std::vector<std::string> due(Sampler& sampler, std::int64_t at) {
  std::vector<std::string> names;
  sampler.sample_due(at, {at, at}, [&](const Sampler::Reading& r) { names.push_back(r.spec.name); });
  return names;
}

template <typename... Args>
Sensors of(Args... sensors) {
  Sensors out;
  (out.push_back(std::move(sensors)), ...);
  return out;
}

using Names = std::vector<std::string>;

TEST(Sampler, each_sensor_has_its_turn_at_multiples_of_its_own_interval) {
  Sampler sampler({1'000, {}}, [] {
    return of(std::make_unique<Fake>(Names{"usual"}), std::make_unique<Fake>(Names{"slow"}, 5'000),
              std::make_unique<Fake>(Names{"quick"}, 500));
  });
  EXPECT_EQ(sampler.next_due_us(10'000), 10'500);
  EXPECT_EQ(sampler.next_due_us(10'499), 10'500);
  EXPECT_EQ(due(sampler, 15'000), (Names{"usual", "slow", "quick"}));
  EXPECT_EQ(due(sampler, 15'500), Names{"quick"});
  EXPECT_EQ(due(sampler, 16'000), (Names{"usual", "quick"}));
}

TEST(Sampler, what_changes_slowly_is_read_no_more_often_than_it_says_unless_told) {
  auto slow = std::make_unique<Fake>(Names{"slow"}), told = std::make_unique<Fake>(Names{"told"}, 1'000);
  slow->least_us = told->least_us = 10'000;
  Sensors all = of(std::move(slow), std::move(told));
  Sampler sampler({1'000, {}}, [&] { return std::move(all); });
  EXPECT_EQ(due(sampler, 10'000), (Names{"slow", "told"}));
  EXPECT_EQ(due(sampler, 11'000), Names{"told"});
  sampler.set_interval(60'000);
  EXPECT_EQ(due(sampler, 20'000), Names{"told"});
  EXPECT_EQ(due(sampler, 60'000), (Names{"slow", "told"}));
}

TEST(Sampler, a_turn_that_was_missed_is_made_up_once) {
  Sampler sampler({1'000, {}},
                  [] { return of(std::make_unique<Fake>(Names{"a"}), std::make_unique<Fake>(Names{"b"}, 5'000)); });
  EXPECT_EQ(due(sampler, 10'000), (Names{"a", "b"}));
  EXPECT_EQ(due(sampler, 26'000), (Names{"a", "b"}));
  EXPECT_EQ(due(sampler, 27'000), Names{"a"});
}

TEST(Sampler, a_clock_put_back_stops_nobody) {
  Sampler sampler({1'000, {}}, [] { return of(std::make_unique<Fake>(Names{"a"})); });
  EXPECT_EQ(due(sampler, 3'600'000'000), Names{"a"});
  EXPECT_EQ(due(sampler, 1'000), Names{"a"});
  EXPECT_EQ(due(sampler, 2'000), Names{"a"});
}

TEST(Sampler, a_series_is_the_first_one_s_who_names_it_also_when_series_grow) {
  auto growing = std::make_unique<Fake>(Names{"x"});
  growing->grows = true;
  Sensors first =
      of(std::move(growing), std::make_unique<Fake>(Names{"grown1", "y"}), std::make_unique<Fake>(Names{"x"}));
  Sampler sampler({1'000, {}}, [&] { return std::move(first); });
  EXPECT_EQ(sampler.sensors(), 2u) << "one that brings a known name only is the same one, found again";
  EXPECT_EQ(due(sampler, 1'000), (Names{"x", "grown1", "y"}));
}

TEST(Sampler, one_that_names_no_series_yet_is_known_by_its_identity) {
  Sampler sampler({1'000, {}}, [] {
    auto script = std::make_unique<Fake>(Names{});
    script->grows = true;
    script->id = "exec /bin/script";
    return of(std::move(script));
  });
  sampler.find();
  EXPECT_EQ(sampler.sensors(), 1u);
  EXPECT_EQ(due(sampler, 1'000), Names{"grown0"});
}

TEST(Sampler, what_comes_by_itself_is_told_and_taken_outside_of_all_turns) {
  auto quiet = std::make_unique<Fake>(Names{"quiet"}), door = std::make_unique<Fake>(Names{"door"});
  Fake& sensor = *door;
  Sensors all = of(std::move(quiet), std::move(door));
  int told = 0;
  SamplerOptions options{1'000, {}};
  options.arrived = [&] { ++told; };
  Sampler sampler(options, [&] { return std::move(all); });
  EXPECT_EQ(due(sampler, 1'000), (Names{"quiet", "door"}));
  EXPECT_FALSE(sampler.has_arrivals());
  sensor.arrivals = true;
  EXPECT_TRUE(sampler.has_arrivals());
  sensor.tell()();
  EXPECT_EQ(told, 1);
  Names names;
  sampler.sample_arrivals({1'300, 1'300}, [&](const Sampler::Reading& r) { names.push_back(r.spec.name); });
  EXPECT_EQ(names, Names{"door"});
  EXPECT_EQ(due(sampler, 2'000), (Names{"quiet", "door"}));
  EXPECT_EQ(sampler.times().turns, 2u);
  EXPECT_EQ(sampler.times().missed, 0u);
}

TEST(Sampler, what_the_config_disables_and_what_is_no_number_is_left_out) {
  auto broken = std::make_unique<Fake>(Names{"broken"});
  broken->value = std::numeric_limits<double>::infinity();
  Sensors all = of(std::move(broken), std::make_unique<Fake>(Names{"net.a", "net.b", "cpu"}),
                   std::make_unique<Fake>(Names{"net.c"}));
  Sampler sampler({1'000, {"net.*"}}, [&] { return std::move(all); });
  EXPECT_EQ(sampler.sensors(), 2u) << "a sensor of which nothing is wanted is not even asked";
  EXPECT_EQ(due(sampler, 1'000), Names{"cpu"});
}

TEST(Sampler, readings_say_their_interval_and_age_and_sensors_their_problem) {
  auto old = std::make_unique<Fake>(Names{"a"}, 60'000'000, "a: no such bus");
  old->age_us = 70;
  Sensors all = of(std::move(old));
  Sampler sampler({1'000, {}}, [&] { return std::move(all); });
  int readings = 0;
  sampler.sample_all({5, 5}, [&](const Sampler::Reading& r) {
    ++readings;
    EXPECT_EQ(r.interval_ms, 60'000u);
    EXPECT_EQ(r.age_us, 70);
  });
  EXPECT_EQ(readings, 1);
  EXPECT_EQ(sampler.problems(), Names{"a: no such bus"});
}

TEST(Sampler, a_script_is_told_that_another_sensor_has_its_name) {
  auto script = std::make_unique<Fake>(Names{"cpu", "own"});
  script->id = "exec a";
  Sensors all = of(std::make_unique<Fake>(Names{"cpu"}), std::move(script));
  Sampler sampler({1'000, {}}, [&] { return std::move(all); });
  EXPECT_EQ(due(sampler, 1'000), (Names{"cpu", "own"}));
  EXPECT_EQ(sampler.problems(), Names{"exec a: cpu is left out, another sensor has that name"});
}

TEST(Sampler, a_series_may_promise_another_interval_than_the_one_of_its_sensor) {
  auto script = std::make_unique<Fake>(Names{"script"});
  script->promised = 60'000'000;
  auto push = std::make_unique<Fake>(Names{"push"}, 500);
  push->promised = 0;
  Sensors all = of(std::move(script), std::move(push));
  Sampler sampler({1'000, {}}, [&] { return std::move(all); });
  std::map<std::string, std::uint32_t> promised;
  sampler.sample_all({5, 5}, [&](const Sampler::Reading& r) { promised[r.spec.name] = r.interval_ms; });
  EXPECT_EQ(promised, (std::map<std::string, std::uint32_t>{{"script", 60'000}, {"push", 0}}));
}

TEST(Sampler, series_past_the_hub_s_bound_are_left_out_and_said) {
  Names many;
  for (int i = 0; i < 4'097; ++i) many.push_back("s" + std::to_string(i));
  Sampler sampler({1'000, {}}, [&] { return of(std::make_unique<Fake>(many)); });
  EXPECT_EQ(due(sampler, 1'000).size(), 4'096u);
  EXPECT_EQ(sampler.problems().size(), 1u);
}

/// Takes as long as it says, by the test's clock.
class Slow final : public Sensor {
 public:
  Slow(std::string name, std::int64_t* clock_us, std::int64_t takes_us)
      : clock_us_(clock_us), takes_us_(takes_us), series_{{std::move(name), "", ValueType::number}} {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  void sample(const SampleTime& now, std::vector<Sample>& out) override {
    seen_us = now.boot_us;
    *clock_us_ += takes_us_;
    out.push_back({0, 1.0});
  }
  std::int64_t seen_us = 0;

 private:
  std::int64_t *clock_us_, takes_us_;
  std::vector<SeriesSpec> series_;
};

class TimedSampler : public ::testing::Test {
 protected:
  Sampler make(Sensors sensors) {
    all = std::move(sensors);
    return Sampler({1'000'000, {}, [this] { return clock_us; }}, [this] { return std::move(all); });
  }
  std::vector<std::pair<std::string, std::int64_t>> turn(Sampler& sampler, std::int64_t due, std::int64_t late = 0) {
    clock_us = due + late;
    std::vector<std::pair<std::string, std::int64_t>> ages;
    sampler.sample_due(due, {due + late + offset, due + late},
                       [&](const Sampler::Reading& r) { ages.emplace_back(r.spec.name, r.age_us); });
    return ages;
  }
  std::int64_t clock_us = 0, offset = 0;
  Sensors all;
};

using Timed = std::vector<std::pair<std::string, std::int64_t>>;

TEST_F(TimedSampler, a_sensor_that_takes_long_does_not_shift_the_others) {
  auto sampler =
      make(of(std::make_unique<Slow>("slow", &clock_us, 350'000), std::make_unique<Slow>("quick", &clock_us, 100),
              std::make_unique<Slow>("other", &clock_us, 100)));
  EXPECT_EQ(turn(sampler, 1'000'000), (Timed{{"slow", 0}, {"quick", -350'000}, {"other", -350'000}}))
      << "what was measured after it says so";
  EXPECT_EQ(turn(sampler, 2'000'000), (Timed{{"quick", 0}, {"other", 0}, {"slow", 0}})) << "and then it comes last";
  EXPECT_EQ(sampler.times().slowest, "slow");
  EXPECT_EQ(sampler.times().slowest_us, 350'000);
  EXPECT_EQ(sampler.take_warnings(), Names{"slow: took 350 ms to read; it has its turn after all others from now on"});
  EXPECT_TRUE(sampler.take_warnings().empty()) << "once";
}

TEST_F(TimedSampler, lateness_is_the_last_the_largest_and_all_but_one_in_a_hundred) {
  auto sampler = make(of(std::make_unique<Fake>(Names{"a"})));
  for (int i = 1; i <= 99; ++i) turn(sampler, i * 1'000'000, i == 50 ? 700'000 : 2'000);
  turn(sampler, 100'000'000, 3'000);
  const auto times = sampler.times();
  EXPECT_EQ(times.turns, 100u);
  EXPECT_EQ(times.late_us, 3'000);
  EXPECT_EQ(times.late_p99_us, 3'000);
  EXPECT_EQ(times.latest_us, 700'000);
  EXPECT_EQ(times.missed, 0u);
}

TEST_F(TimedSampler, turns_that_did_not_take_place_are_counted) {
  auto sampler = make(of(std::make_unique<Fake>(Names{"a"}), std::make_unique<Fake>(Names{"b"}, 5'000'000)));
  turn(sampler, 10'000'000, 400'000);
  turn(sampler, 13'000'000);  // the machine was busy from 10.4 to 12.9
  EXPECT_EQ(sampler.times().missed, 2u);
  turn(sampler, 21'000'000);
  EXPECT_EQ(sampler.times().missed, 2u + 7 + 1) << "seven of a; and of b the one at 15 is made up, the one at 20 not";
}

TEST_F(TimedSampler, a_clock_that_is_set_is_neither_late_nor_misses_anything) {
  auto sampler = make(of(std::make_unique<Fake>(Names{"a"})));
  turn(sampler, 1'000'000);
  turn(sampler, 2'000'000);
  offset = 3'600'000'000;
  clock_us = 3'000'000;
  sampler.sample_due(3'000'000, {3'000'000 + offset, 3'000'000}, [](const Sampler::Reading&) {});
  sampler.sample_due(4'000'000 + offset, {4'000'000 + offset, 4'000'000}, [](const Sampler::Reading&) {});
  EXPECT_EQ(sampler.times().missed, 0u);
  EXPECT_EQ(sampler.times().latest_us, 0);
}

}  // namespace
}  // namespace agent
