// Space of the root file system.
#include <sys/statvfs.h>

#include "device-agent/sensors/host_sensors.h"

namespace agent {
namespace {

class DiskSensor final : public Sensor {
 public:
  explicit DiskSensor(std::string path) : path_(std::move(path)) {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  void sample(const SampleTime&, std::vector<Sample>& out) override {
    struct statvfs s {};
    if (::statvfs(path_.c_str(), &s) != 0 || s.f_blocks == 0) return;
    const double block = static_cast<double>(s.f_frsize);
    const double used = static_cast<double>(s.f_blocks - s.f_bfree), free = static_cast<double>(s.f_bavail);
    out.push_back({0, used * block});
    out.push_back({1, free * block});
    if (used + free > 0)
      out.push_back({2, static_cast<double>(static_cast<long>(used / (used + free) * 1'000 + 0.5)) / 10});
  }

 private:
  std::string path_;
  std::vector<SeriesSpec> series_{{"disk.root.used", "By", ValueType::number},
                                  {"disk.root.free", "By", ValueType::number},
                                  {"disk.root.usage", "%", ValueType::number}};
};

}  // namespace

void add_disk_sensor(const std::string& root, Sensors& out) {
  out.push_back(std::make_unique<DiskSensor>(root + "/"));
}

}  // namespace agent
