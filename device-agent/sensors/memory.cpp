// Memory and swap from /proc/meminfo.
#include "device-agent/sensors/host_sensors.h"
#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

class MemorySensor final : public Sensor {
 public:
  MemorySensor(const std::string& root, std::int64_t interval_us)
      : path_(root + "/proc/meminfo"), interval_us_(interval_us) {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  std::int64_t interval_us() const override { return interval_us_; }
  void sample(const SampleTime&, std::vector<Sample>& out) override {
    const auto text = read_file(path_);
    if (!text) return;
    const auto kib = [words = split_words(*text)](std::string_view key) -> std::optional<double> {
      for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (words[i] == key) return to_number(words[i + 1]);
      }
      return std::nullopt;
    };
    const auto total = kib("MemTotal:"), available = kib("MemAvailable:");
    if (total && available && *total > 0) {
      out.push_back({0, (*total - *available) * 1'024});
      out.push_back({1, *available * 1'024});
      out.push_back({2, static_cast<double>(static_cast<long>((*total - *available) / *total * 1'000 + 0.5)) / 10});
    }
    const auto swap = kib("SwapTotal:"), swap_free = kib("SwapFree:");
    if (swap && swap_free) out.push_back({3, (*swap - *swap_free) * 1'024});
    if (swap && swap_free && *swap > 0) {
      out.push_back({4, static_cast<double>(static_cast<long>((*swap - *swap_free) / *swap * 1'000 + 0.5)) / 10});
    }
  }

 private:
  std::string path_;
  std::int64_t interval_us_;
  std::vector<SeriesSpec> series_{{"memory.used", "By", ValueType::number},
                                  {"memory.available", "By", ValueType::number},
                                  {"memory.usage", "%", ValueType::number},
                                  {"swap.used", "By", ValueType::number},
                                  {"swap.usage", "%", ValueType::number}};
};

}  // namespace

void add_memory_sensor(const std::string& root, const KindOptions& options, Sensors& out) {
  if (read_line(root + "/proc/meminfo")) out.push_back(std::make_unique<MemorySensor>(root, options.interval_us));
}

}  // namespace agent
