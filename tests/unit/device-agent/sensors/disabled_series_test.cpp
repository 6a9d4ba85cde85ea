#include "device-agent/sensors/disabled_series.h"

#include <gtest/gtest.h>

namespace agent {
namespace {

class Pair final : public Sensor {
 public:
  explicit Pair(const std::string& name)
      : series_{{name + ".a", "", ValueType::number}, {name + ".b", "", ValueType::number}} {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  void sample(const SampleTime&, std::vector<Sample>& out) override {
    out.push_back({0, 1.0});
    out.push_back({1, 2.0});
  }

 private:
  std::vector<SeriesSpec> series_;
};

std::vector<std::string> sampled(const Sensors& sensors) {
  std::vector<std::string> names;
  for (const auto& sensor : sensors) {
    std::vector<Sample> samples{{9, 0.0}};  // another sensor's, which stay
    sensor->sample({}, samples);
    EXPECT_EQ(samples[0].index, 9u);
    for (std::size_t i = 1; i < samples.size(); ++i) names.push_back(sensor->series()[samples[i].index].name);
  }
  return names;
}

TEST(DisabledSeries, a_star_at_the_end_is_anything) {
  EXPECT_TRUE(is_disabled_series("net.docker0.sent", {"net.docker0.*"}));
  EXPECT_TRUE(is_disabled_series("net.docker0.sent", {"x", "net.docker0.sent"}));
  EXPECT_TRUE(is_disabled_series("anything", {"*"}));
  EXPECT_FALSE(is_disabled_series("net.docker1.sent", {"net.docker0.*"}));
  EXPECT_FALSE(is_disabled_series("net", {"net.*", ""}));
  EXPECT_FALSE(is_disabled_series("net.docker0.sent", {"net.docker0"}));
}

TEST(DisabledSeries, what_is_not_wanted_is_not_sampled_and_the_rest_keeps_its_name) {
  Sensors sensors;
  for (const char* name : {"one", "two", "three"}) sensors.push_back(std::make_unique<Pair>(name));
  const auto left = without_disabled(std::move(sensors), {"one.*", "two.a"});
  EXPECT_EQ(left.size(), 2u);
  EXPECT_EQ(sampled(left), (std::vector<std::string>{"two.b", "three.a", "three.b"}));
}

}  // namespace
}  // namespace agent
