// How many processes there are, run, and wait for a disk.
#include <algorithm>

#include "device-agent/sensors/host_sensors.h"
#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

class ProcessSensor final : public Sensor {
 public:
  ProcessSensor(const std::string& root, std::int64_t interval_us)
      : folder_(root + "/proc"), interval_us_(interval_us) {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  std::int64_t interval_us() const override { return interval_us_; }
  std::int64_t least_interval_us() const override { return kSlowIntervalUs; }
  void sample(const SampleTime&, std::vector<Sample>& out) override {
    const auto names = list_folder(folder_);
    const auto count = std::count_if(names.begin(), names.end(), [](const std::string& name) {
      return name.find_first_not_of("0123456789") == std::string::npos;
    });
    if (count > 0) out.push_back({0, static_cast<double>(count)});
    const std::string text = read_file(folder_ + "/stat").value_or("");
    const auto words = split_words(text);
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
      const std::size_t index = words[i] == "procs_running" ? 1 : words[i] == "procs_blocked" ? 2 : 0;
      if (index == 0) continue;
      if (const auto value = to_number(words[i + 1])) out.push_back({index, *value});
    }
  }

 private:
  std::string folder_;
  std::int64_t interval_us_;
  std::vector<SeriesSpec> series_{{"processes.total", "", ValueType::number},
                                  {"processes.running", "", ValueType::number},
                                  {"processes.blocked", "", ValueType::number}};
};

}  // namespace

void add_process_sensors(const std::string& root, const KindOptions& options, Sensors& out) {
  if (read_line(root + "/proc/stat")) {
    out.push_back(std::make_unique<ProcessSensor>(root, slow_interval_us(options)));
  }
}

}  // namespace agent
