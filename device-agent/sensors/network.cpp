// Bytes a second of each network interface, from /sys/class/net. Left out: the loopback, and containers' veth pairs,
// whose names are new at each start (each would be a series of its own for ever).
#include "device-agent/sensors/host_sensors.h"
#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

/// Counters that went back (an interface that was made anew) give nothing once.
class InterfaceSensor final : public Sensor {
 public:
  InterfaceSensor(const std::string& folder, const std::string& name)
      : folder_(folder + "/" + name + "/statistics/"),
        series_{{"net." + name_part(name) + ".received", "By/s", ValueType::number},
                {"net." + name_part(name) + ".sent", "By/s", ValueType::number}} {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  void sample(const SampleTime& now, std::vector<Sample>& out) override {
    const std::optional<double> counters[2] = {read_number(folder_ + "rx_bytes"), read_number(folder_ + "tx_bytes")};
    const double seconds = static_cast<double>(now.boot_us - last_us_) / 1e6;
    for (std::size_t i = 0; i < 2; ++i) {
      if (counters[i] && last_[i] && *counters[i] >= *last_[i] && last_us_ != 0 && seconds > 0) {
        out.push_back({i, static_cast<double>(static_cast<long long>((*counters[i] - *last_[i]) / seconds + 0.5))});
      }
      last_[i] = counters[i];
    }
    last_us_ = now.boot_us;
  }

 private:
  std::string folder_;
  std::vector<SeriesSpec> series_;
  std::optional<double> last_[2];
  std::int64_t last_us_ = 0;  // boot time; 0: not yet
};

}  // namespace

void add_network_sensors(const std::string& root, Sensors& out) {
  constexpr std::size_t kMostInterfaces = 16;
  std::size_t count = 0;
  const std::string folder = root + "/sys/class/net";
  for (const auto& name : list_folder(folder)) {
    if (name == "lo" || name.rfind("veth", 0) == 0 || count == kMostInterfaces) continue;
    if (!read_number(folder + "/" + name + "/statistics/rx_bytes")) continue;
    out.push_back(std::make_unique<InterfaceSensor>(folder, name));
    ++count;
  }
}

}  // namespace agent
