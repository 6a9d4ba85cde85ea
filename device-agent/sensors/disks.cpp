// Bytes a second and busy time of each disk, from /sys/block. Left out: what stands on other disks or on memory (loop,
// ram, zram, dm, md), optical drives, and an eMMC's boot areas.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "device-agent/sensors/host_sensors.h"
#include "device-agent/sensors/rate.h"
#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

constexpr std::size_t kMostDisks = 16;
constexpr double kSectorBytes = 512;  // whatever the disk's own sectors are

class DiskSensor final : public Sensor {
 public:
  DiskSensor(const std::string& folder, const std::string& name, std::int64_t interval_us)
      : path_(folder + "/" + name + "/stat"),
        interval_us_(interval_us),
        series_{{"diskio." + name_part(name) + ".read", "By/s", ValueType::number},
                {"diskio." + name_part(name) + ".written", "By/s", ValueType::number},
                {"diskio." + name_part(name) + ".busy", "%", ValueType::number}} {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  std::int64_t interval_us() const override { return interval_us_; }
  void sample(const SampleTime& now, std::vector<Sample>& out) override {
    const std::string text = read_file(path_).value_or("");
    const auto words = split_words(text);
    const auto counter = [&](std::size_t i) { return words.size() >= 11 ? to_number(words[i]) : std::nullopt; };
    if (const auto rate = read_.next(counter(2), now.boot_us)) out.push_back({0, std::round(*rate * kSectorBytes)});
    if (const auto rate = written_.next(counter(6), now.boot_us)) out.push_back({1, std::round(*rate * kSectorBytes)});
    // Milliseconds a second in which something was asked of it.
    if (const auto rate = busy_.next(counter(9), now.boot_us)) {
      out.push_back({2, std::min(100.0, std::round(*rate) / 10)});
    }
  }

 private:
  std::string path_;
  std::int64_t interval_us_;
  std::vector<SeriesSpec> series_;
  Rate read_, written_, busy_;
};

bool is_physical(const std::string& folder, const std::string& name) {
  for (const char* prefix : {"loop", "ram", "zram", "dm-", "md", "sr", "fd"}) {
    if (name.rfind(prefix, 0) == 0) return false;
  }
  const bool is_boot_area =
      name.rfind("mmcblk", 0) == 0 && name.find_first_not_of("0123456789", 6) != std::string::npos;
  // One way of several to an NVMe disk: nvme0c1n1.
  const bool is_path = name.rfind("nvme", 0) == 0 && name.find('c') != std::string::npos;
  std::error_code ec;
  return !is_boot_area && !is_path && std::filesystem::exists(folder + "/" + name + "/device", ec);
}

}  // namespace

void add_disk_sensors(const std::string& root, const KindOptions& options, Sensors& out) {
  const std::string folder = root + "/sys/block";
  std::size_t count = 0;
  for (const auto& name : list_folder(folder)) {
    if (count == kMostDisks || !is_physical(folder, name)) continue;
    out.push_back(std::make_unique<DiskSensor>(folder, name, options.interval_us));
    ++count;
  }
}

}  // namespace agent
