// CPU use from /proc/stat, load from /proc/loadavg, uptime.
#include <algorithm>

#include "device-agent/sensors/host_sensors.h"
#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

/// Shares of the time since the sample before; the first sample gives nothing.
class CpuSensor final : public Sensor {
 public:
  explicit CpuSensor(std::string root) : path_(root + "/proc/stat") {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  void sample(const SampleTime&, std::vector<Sample>& out) override {
    const auto line = read_line(path_);
    if (!line) return;
    const auto words = split_words(*line);
    if (words.size() < 6 || words[0] != "cpu") return;
    double total = 0, idle = 0, wait = 0;
    for (std::size_t i = 1; i < words.size() && i <= 8; ++i) {  // guest time is in user time already
      const auto ticks = to_number(words[i]);
      if (!ticks) return;
      total += *ticks;
      if (i == 4) idle = *ticks;
      if (i == 5) wait = *ticks;
    }
    if (total > total_ && total_ > 0) {
      const double span = total - total_;
      // The kernel lets idle and iowait go back a little.
      const auto percent = [span](double part) {
        return static_cast<double>(static_cast<long>(std::clamp(part / span, 0.0, 1.0) * 1'000 + 0.5)) / 10;
      };
      out.push_back({0, percent(span - (idle - idle_) - (wait - wait_))});
      out.push_back({1, percent(wait - wait_)});
    }
    total_ = total, idle_ = idle, wait_ = wait;
  }

 private:
  std::string path_;
  std::vector<SeriesSpec> series_{{"cpu.usage", "%", ValueType::number}, {"cpu.iowait", "%", ValueType::number}};
  double total_ = 0, idle_ = 0, wait_ = 0;
};

class LoadSensor final : public Sensor {
 public:
  explicit LoadSensor(std::string root) : path_(root + "/proc/loadavg") {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  void sample(const SampleTime&, std::vector<Sample>& out) override {
    const auto line = read_line(path_);
    if (!line) return;
    const auto words = split_words(*line);
    for (std::size_t i = 0; i < 3 && i < words.size(); ++i) {
      if (const auto value = to_number(words[i])) out.push_back({i, *value});
    }
  }

 private:
  std::string path_;
  std::vector<SeriesSpec> series_{
      {"load.1m", "", ValueType::number}, {"load.5m", "", ValueType::number}, {"load.15m", "", ValueType::number}};
};

class UptimeSensor final : public Sensor {
 public:
  explicit UptimeSensor(std::string root) : path_(root + "/proc/uptime") {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  void sample(const SampleTime&, std::vector<Sample>& out) override {
    const auto line = read_line(path_);
    const auto words = line ? split_words(*line) : std::vector<std::string_view>{};
    if (words.empty()) return;
    if (const auto value = to_number(words[0])) out.push_back({0, *value});
  }

 private:
  std::string path_;
  std::vector<SeriesSpec> series_{{"uptime", "s", ValueType::number}};
};

}  // namespace

void add_processor_sensors(const std::string& root, Sensors& out) {
  if (read_line(root + "/proc/stat")) out.push_back(std::make_unique<CpuSensor>(root));
  if (read_line(root + "/proc/loadavg")) out.push_back(std::make_unique<LoadSensor>(root));
  if (read_line(root + "/proc/uptime")) out.push_back(std::make_unique<UptimeSensor>(root));
}

}  // namespace agent
