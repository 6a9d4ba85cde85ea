// Thermal zones and hwmon chips: temperatures in °C, fans, voltages.
#include "device-agent/sensors/host_sensors.h"
#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

/// One number in one file, scaled.
class FileSensor final : public Sensor {
 public:
  FileSensor(std::string path, SeriesSpec spec, double divisor)
      : path_(std::move(path)), series_{std::move(spec)}, divisor_(divisor) {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  void sample(const SampleTime&, std::vector<Sample>& out) override {
    if (const auto value = read_number(path_)) out.push_back({0, *value / divisor_});
  }

 private:
  std::string path_;
  std::vector<SeriesSpec> series_;
  double divisor_;
};

struct HwmonKind {
  std::string_view prefix, unit;
  double divisor;
};
constexpr HwmonKind kHwmonKinds[] = {{"temp", "Cel", 1'000}, {"fan", "/min", 1}, {"in", "V", 1'000}};

}  // namespace

void add_temperature_sensors(const std::string& root, Sensors& out) {
  const std::string zones = root + "/sys/class/thermal";
  for (const auto& zone : list_folder(zones)) {
    if (zone.rfind("thermal_zone", 0) != 0) continue;
    const std::string path = zones + "/" + zone + "/temp";
    if (!read_number(path)) continue;
    const std::string type = name_part(read_line(zones + "/" + zone + "/type").value_or(zone));
    out.push_back(std::make_unique<FileSensor>(
        path, SeriesSpec{"thermal." + zone.substr(12) + "." + type, "Cel", ValueType::number}, 1'000));
  }
  const std::string chips = root + "/sys/class/hwmon";
  for (const auto& chip : list_folder(chips)) {
    const std::string folder = chips + "/" + chip;
    const std::string chip_name = name_part(read_line(folder + "/name").value_or(chip));
    for (const auto& file : list_folder(folder)) {
      if (file.size() <= 6 || file.substr(file.size() - 6) != "_input") continue;
      const std::string channel = file.substr(0, file.size() - 6);
      for (const auto& kind : kHwmonKinds) {
        if (channel.rfind(kind.prefix, 0) != 0 || !read_number(folder + "/" + file)) continue;
        std::string name = "hwmon." + chip_name + "." + name_part(channel);
        if (chip.rfind("hwmon", 0) == 0) name += "." + chip.substr(5);
        out.push_back(std::make_unique<FileSensor>(
            folder + "/" + file, SeriesSpec{name, std::string(kind.unit), ValueType::number}, kind.divisor));
      }
    }
    // On a Raspberry Pi this says that the supply is too weak.
    if (read_number(folder + "/in0_lcrit_alarm")) {
      out.push_back(std::make_unique<FileSensor>(folder + "/in0_lcrit_alarm",
                                                 SeriesSpec{"power.under_voltage", "", ValueType::number}, 1));
    }
  }
}

Sensors detect_host_sensors(const std::string& root) {
  Sensors out;
  add_processor_sensors(root, out);
  add_memory_sensor(root, out);
  add_disk_sensor(root, out);
  add_network_sensors(root, out);
  add_temperature_sensors(root, out);
  return out;
}

}  // namespace agent
