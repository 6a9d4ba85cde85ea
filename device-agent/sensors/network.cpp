// Bytes, errors and drops of each network interface, from /sys/class/net. Left out: the loopback, and containers' veth
// pairs, whose names are new at each start (each would be a series of its own for ever).
#include <cmath>

#include "device-agent/sensors/host_sensors.h"
#include "device-agent/sensors/rate.h"
#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

class InterfaceSensor final : public Sensor {
 public:
  InterfaceSensor(const std::string& folder, const std::string& name, std::int64_t interval_us)
      : folder_(folder + "/" + name + "/statistics/"),
        interval_us_(interval_us),
        series_{{"net." + name_part(name) + ".received", "By/s", ValueType::number},
                {"net." + name_part(name) + ".sent", "By/s", ValueType::number}} {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  std::int64_t interval_us() const override { return interval_us_; }
  void sample(const SampleTime& now, std::vector<Sample>& out) override {
    const auto received = received_.next(read_number(folder_ + "rx_bytes"), now.boot_us);
    const auto sent = sent_.next(read_number(folder_ + "tx_bytes"), now.boot_us);
    if (received) out.push_back({0, std::round(*received)});
    if (sent) out.push_back({1, std::round(*sent)});
  }

 private:
  std::string folder_;
  std::int64_t interval_us_;
  std::vector<SeriesSpec> series_;
  Rate received_, sent_;
};

/// What went wrong on it, both ways, a second.
class InterfaceTroubleSensor final : public Sensor {
 public:
  InterfaceTroubleSensor(const std::string& folder, const std::string& name, std::int64_t interval_us)
      : folder_(folder + "/" + name + "/statistics/"),
        interval_us_(interval_us),
        series_{{"net." + name_part(name) + ".errors", "/s", ValueType::number},
                {"net." + name_part(name) + ".drops", "/s", ValueType::number}} {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  std::int64_t interval_us() const override { return interval_us_; }
  std::int64_t least_interval_us() const override { return kSlowIntervalUs; }
  void sample(const SampleTime& now, std::vector<Sample>& out) override {
    if (const auto rate = errors_.next(sum("rx_errors", "tx_errors"), now.boot_us)) out.push_back({0, *rate});
    if (const auto rate = drops_.next(sum("rx_dropped", "tx_dropped"), now.boot_us)) out.push_back({1, *rate});
  }

 private:
  std::optional<double> sum(const char* one, const char* other) const {
    const auto a = read_number(folder_ + one), b = read_number(folder_ + other);
    return a && b ? std::optional(*a + *b) : std::nullopt;
  }

  std::string folder_;
  std::int64_t interval_us_;
  std::vector<SeriesSpec> series_;
  Rate errors_, drops_;
};

}  // namespace

void add_network_sensors(const std::string& root, const KindOptions& options, Sensors& out) {
  constexpr std::size_t kMostInterfaces = 16;
  std::size_t count = 0;
  const std::string folder = root + "/sys/class/net";
  for (const auto& name : list_folder(folder)) {
    if (name == "lo" || name.rfind("veth", 0) == 0 || count == kMostInterfaces) continue;
    if (!read_number(folder + "/" + name + "/statistics/rx_bytes")) continue;
    out.push_back(std::make_unique<InterfaceSensor>(folder, name, options.interval_us));
    if (read_number(folder + "/" + name + "/statistics/rx_errors")) {
      out.push_back(std::make_unique<InterfaceTroubleSensor>(folder, name, slow_interval_us(options)));
    }
    ++count;
  }
}

}  // namespace agent
