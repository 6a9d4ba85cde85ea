// CPU use from /proc/stat, load from /proc/loadavg, uptime.
#include <algorithm>

#include "device-agent/sensors/host_sensors.h"
#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

constexpr std::size_t kMostCores = 128;

/// Ticks of one line of /proc/stat.
struct Ticks {
  double total = 0, idle = 0, wait = 0;
};

std::optional<Ticks> parse_ticks(const std::vector<std::string_view>& words) {
  if (words.size() < 6) return std::nullopt;
  Ticks ticks;
  for (std::size_t i = 1; i < words.size() && i <= 8; ++i) {  // guest time is in user time already
    const auto number = to_number(words[i]);
    if (!number) return std::nullopt;
    ticks.total += *number;
    if (i == 4) ticks.idle = *number;
    if (i == 5) ticks.wait = *number;
  }
  return ticks;
}

/// Shares of the time since the sample before; the first sample gives nothing. Of all cores together and, where there
/// are several, of each: one that is switched off is silent.
class CpuSensor final : public Sensor {
 public:
  CpuSensor(const std::string& root, std::int64_t interval_us) : path_(root + "/proc/stat"), interval_us_(interval_us) {
    const std::string text = read_file(path_).value_or("");
    for_each_core(text, [](std::size_t, const Ticks&) {});
  }
  const std::vector<SeriesSpec>& series() const override { return series_; }
  std::int64_t interval_us() const override { return interval_us_; }
  void sample(const SampleTime&, std::vector<Sample>& out) override {
    const std::string text = read_file(path_).value_or("");
    const auto words = split_words(std::string_view(text).substr(0, text.find('\n')));
    const auto all = !words.empty() && words[0] == "cpu" ? parse_ticks(words) : std::nullopt;
    if (!all) return;
    if (all->total > last_.total && last_.total > 0) {
      out.push_back({0, busy(*all, last_)});
      out.push_back({1, percent(all->wait - last_.wait, all->total - last_.total)});
    }
    last_ = *all;
    for_each_core(text, [&](std::size_t at, const Ticks& ticks) {
      Ticks& last = cores_[at].last;
      if (ticks.total > last.total && last.total > 0) out.push_back({cores_[at].index, busy(ticks, last)});
      last = ticks;
    });
  }

 private:
  struct Core {
    std::string name;
    std::size_t index;  // of its series
    Ticks last;
  };

  // The kernel lets idle and iowait go back a little.
  static double percent(double part, double span) {
    return static_cast<double>(static_cast<long>(std::clamp(part / span, 0.0, 1.0) * 1'000 + 0.5)) / 10;
  }
  static double busy(const Ticks& now, const Ticks& before) {
    const double span = now.total - before.total;
    return percent(span - (now.idle - before.idle) - (now.wait - before.wait), span);
  }

  template <typename Take>
  void for_each_core(std::string_view text, const Take& take) {
    std::vector<std::pair<std::string_view, Ticks>> found;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const auto words = split_words(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      if (words.empty() || words[0].substr(0, 3) != "cpu") break;  // they stand first
      const std::string_view number = words[0].substr(3);
      const auto ticks = parse_ticks(words);
      if (number.empty() || number.find_first_not_of("0123456789") != std::string_view::npos || !ticks) continue;
      found.emplace_back(words[0], *ticks);
    }
    if (found.size() < 2 && cores_.empty()) return;  // one core is all of them
    for (const auto& [name, ticks] : found) {
      const auto known = std::find_if(cores_.begin(), cores_.end(), [n = name](const Core& c) { return c.name == n; });
      const auto at = static_cast<std::size_t>(known - cores_.begin());
      if (at == cores_.size()) {
        if (cores_.size() == kMostCores) continue;
        cores_.push_back({std::string(name), series_.size(), {}});
        series_.push_back({"cpu." + name_part(name.substr(3)) + ".usage", "%", ValueType::number});
      }
      take(at, ticks);
    }
  }

  std::string path_;
  std::int64_t interval_us_;
  std::vector<SeriesSpec> series_{{"cpu.usage", "%", ValueType::number}, {"cpu.iowait", "%", ValueType::number}};
  Ticks last_;
  std::vector<Core> cores_;
};

class LoadSensor final : public Sensor {
 public:
  LoadSensor(const std::string& root, std::int64_t interval_us)
      : path_(root + "/proc/loadavg"), interval_us_(interval_us) {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  std::int64_t interval_us() const override { return interval_us_; }
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
  std::int64_t interval_us_;
  std::vector<SeriesSpec> series_{
      {"load.1m", "", ValueType::number}, {"load.5m", "", ValueType::number}, {"load.15m", "", ValueType::number}};
};

class UptimeSensor final : public Sensor {
 public:
  UptimeSensor(const std::string& root, std::int64_t interval_us)
      : path_(root + "/proc/uptime"), interval_us_(interval_us) {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  std::int64_t interval_us() const override { return interval_us_; }
  void sample(const SampleTime&, std::vector<Sample>& out) override {
    const auto line = read_line(path_);
    const auto words = line ? split_words(*line) : std::vector<std::string_view>{};
    if (words.empty()) return;
    if (const auto value = to_number(words[0])) out.push_back({0, *value});
  }

 private:
  std::string path_;
  std::int64_t interval_us_;
  std::vector<SeriesSpec> series_{{"uptime", "s", ValueType::number}};
};

}  // namespace

void add_processor_sensors(const std::string& root, const KindOptions& options, Sensors& out) {
  const std::int64_t interval_us = options.interval_us;
  if (read_line(root + "/proc/stat")) out.push_back(std::make_unique<CpuSensor>(root, interval_us));
  if (read_line(root + "/proc/loadavg")) out.push_back(std::make_unique<LoadSensor>(root, interval_us));
  if (read_line(root + "/proc/uptime")) out.push_back(std::make_unique<UptimeSensor>(root, interval_us));
}

}  // namespace agent
