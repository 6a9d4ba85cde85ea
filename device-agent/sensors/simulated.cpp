// A made-up device whose readings look like real ones: for demonstrations and load.
#include <cmath>

#include "base/random.h"
#include "device-agent/sensors/sensor.h"

namespace agent {
namespace {

class SimulatedSensor final : public Sensor {
 public:
  explicit SimulatedSensor(std::uint64_t seed) : random_(seed * 7'919 + 17), offset_(random_.next_unit() * 6 - 3) {}
  const std::vector<SeriesSpec>& series() const override { return series_; }

  void sample(const SampleTime& now, std::vector<Sample>& out) override {
    // Now and then a sensor is silent for a while, as cables are.
    if (silent_ > 0) {
      --silent_;
      return;
    }
    if (random_.next_unit() < 0.0005) silent_ = 5 + static_cast<int>(random_.next_unit() * 55);
    const double day = 6.283185307179586 * static_cast<double>(now.wall_us % 86'400'000'000LL) / 86'400e6;
    drift_ = drift_ * 0.999 + normal() * 0.02;
    if (random_.next_unit() < 0.001) step_ = random_.next_unit() * 4 - 2;  // somebody opened a window
    const double temperature = 20 + offset_ - 4 * std::cos(day) + drift_ + step_ + normal() * 0.05;
    out.push_back({0, round_to(temperature, 10)});
    out.push_back({1, round_to(55 + 12 * std::cos(day) - drift_ * 2 + normal() * 0.3, 10)});
    pressure_ += normal() * 0.01;
    out.push_back({2, round_to(pressure_, 100)});
    battery_ = battery_ > 3.3 ? battery_ - 1e-6 : 4.15;
    out.push_back({3, round_to(battery_ + normal() * 0.001, 1'000)});
    if (random_.next_unit() < 0.004) door_ = !door_;
    out.push_back({4, door_});
    if (random_.next_unit() < 0.002) mode_ = (mode_ + 1) % 3;
    static const char* const kModes[] = {"idle", "heating", "ventilating"};
    out.push_back({5, std::string(kModes[mode_])});
    power_ += std::floor(random_.next_unit() * 3);
    out.push_back({6, power_});
  }

 private:
  double normal() {
    return std::sqrt(-2 * std::log(1 - random_.next_unit())) * std::cos(6.283185307179586 * random_.next_unit());
  }
  static double round_to(double v, double scale) { return std::round(v * scale) / scale; }

  base::SeededRandom random_;
  double offset_;
  double drift_ = 0, step_ = 0, pressure_ = 1'013.25, battery_ = 4.1, power_ = 0;
  bool door_ = false;
  int mode_ = 0, silent_ = 0;
  std::vector<SeriesSpec> series_{{"temperature", "Cel", ValueType::number}, {"humidity", "%", ValueType::number},
                                  {"pressure", "hPa", ValueType::number},    {"battery", "V", ValueType::number},
                                  {"door", "", ValueType::boolean},          {"mode", "", ValueType::string},
                                  {"energy", "W.h", ValueType::number}};
};

}  // namespace

Sensors make_simulated_sensors(std::uint64_t seed) {
  Sensors out;
  out.push_back(std::make_unique<SimulatedSensor>(seed));
  return out;
}

}  // namespace agent
