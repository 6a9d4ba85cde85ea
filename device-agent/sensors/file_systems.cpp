// Space and files of each file system that holds data of this machine.
#include <sys/statvfs.h>

#include <cmath>
#include <unordered_map>

#include "device-agent/sensors/host_sensors.h"
#include "device-agent/sensors/mounts.h"
#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

/// Looks anew at what is mounted at each turn. Two points that make one name ("/a/b", "/a_b"): the first one has it.
class FileSystemSensor final : public Sensor {
 public:
  FileSystemSensor(const std::string& root, std::int64_t interval_us) : root_(root), interval_us_(interval_us) {
    for (const auto& mount : mounts()) (void)first_series_of(mount_name(mount.point));
  }
  const std::vector<SeriesSpec>& series() const override { return series_; }
  std::int64_t interval_us() const override { return interval_us_; }
  std::int64_t least_interval_us() const override { return kSlowIntervalUs; }
  std::string identity() const override { return "file systems"; }

  void sample(const SampleTime&, std::vector<Sample>& out) override {
    std::vector<std::size_t> told;
    for (const auto& mount : mounts()) {
      const std::size_t first = first_series_of(mount_name(mount.point));
      if (first == series_.size() || std::find(told.begin(), told.end(), first) != told.end()) continue;
      struct statvfs s {};
      if (::statvfs((root_ + mount.point).c_str(), &s) != 0 || s.f_blocks == 0) continue;
      told.push_back(first);
      const double block = static_cast<double>(s.f_frsize);
      const double used = static_cast<double>(s.f_blocks - s.f_bfree), free = static_cast<double>(s.f_bavail);
      out.push_back({first, used * block});
      out.push_back({first + 1, free * block});
      if (used + free > 0) out.push_back({first + 2, std::round(used / (used + free) * 1'000) / 10});
      // vfat and btrfs have no fixed number of files.
      const double files = static_cast<double>(s.f_files), free_files = static_cast<double>(s.f_ffree);
      if (files > 0 && free_files <= files) {
        out.push_back({first + 3, std::round((files - free_files) / files * 1'000) / 10});
      }
      if (!mount.device.empty()) out.push_back({first + 4, mount.read_only});
    }
  }

 private:
  static constexpr std::size_t kMostNames = 64;  // of all that were ever mounted

  std::vector<Mount> mounts() const {
    // Seen from a container, "self" has the container's mounts.
    std::optional<std::string> text;
    if (!root_.empty()) text = read_file(root_ + "/proc/1/mountinfo");
    if (!text) text = read_file(root_ + "/proc/self/mountinfo");
    auto found = parse_mounts(text.value_or(""));
    if (found.empty() || found[0].point != "/") found.insert(found.begin(), Mount{"/", "", false});
    return found;
  }
  /// series_.size(): no place is left.
  std::size_t first_series_of(const std::string& name) {
    const auto known = first_.find(name);
    if (known != first_.end()) return known->second;
    if (first_.size() >= kMostNames) return series_.size();
    const std::size_t first = series_.size();
    first_.emplace(name, first);
    series_.push_back({"disk." + name + ".used", "By", ValueType::number});
    series_.push_back({"disk." + name + ".free", "By", ValueType::number});
    series_.push_back({"disk." + name + ".usage", "%", ValueType::number});
    series_.push_back({"disk." + name + ".files", "%", ValueType::number});
    series_.push_back({"disk." + name + ".read_only", "", ValueType::boolean});
    return first;
  }

  std::string root_;
  std::int64_t interval_us_;
  std::vector<SeriesSpec> series_;
  std::unordered_map<std::string, std::size_t> first_;
};

}  // namespace

void add_file_system_sensor(const std::string& root, const KindOptions& options, Sensors& out) {
  out.push_back(std::make_unique<FileSystemSensor>(root, slow_interval_us(options)));
}

}  // namespace agent
