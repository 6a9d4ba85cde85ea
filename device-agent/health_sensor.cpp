#include "device-agent/health_sensor.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

constexpr std::int64_t kIntervalUs = 60'000'000;
constexpr std::int64_t kPromptUs = 1'000'000;
constexpr std::size_t kLongestProblem = 512;  // bytes

/// A figure of /proc/self/io: what this process made the kernel write to a disk, whatever the file. The file system's
/// own (its journal) is not in it.
std::optional<double> written_bytes() {
  const auto text = read_file("/proc/self/io");
  if (!text) return std::nullopt;
  const auto words = split_words(*text);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "write_bytes:") return to_number(words[i + 1]);
  }
  return std::nullopt;
}

std::optional<double> resident_bytes() {
  const auto text = read_file("/proc/self/statm");
  if (!text) return std::nullopt;
  const auto words = split_words(*text);
  const auto pages = words.size() > 1 ? to_number(words[1]) : std::nullopt;
  if (!pages) return std::nullopt;
  return *pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

std::int64_t processor_us() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return (std::int64_t{used.ru_utime.tv_sec} + used.ru_stime.tv_sec) * 1'000'000 + used.ru_utime.tv_usec +
         used.ru_stime.tv_usec;
}

class FiguresSensor final : public Sensor {
 public:
  explicit FiguresSensor(std::function<AgentHealth()> health) : health_(std::move(health)) {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  std::int64_t interval_us() const override { return kIntervalUs; }
  void sample(const SampleTime& now, std::vector<Sample>& out) override {
    const AgentHealth health = health_();
    out.push_back({0, health.held_frames});
    out.push_back({1, health.spool_bytes});
    out.push_back({2, health.spool_written});
    out.push_back({3, health.dropped_readings});
    out.push_back({4, health.overruns});
    if (const auto bytes = written_bytes()) out.push_back({5, *bytes});
    if (const auto bytes = resident_bytes()) out.push_back({6, *bytes});
    const std::int64_t used_us = processor_us();
    if (last_boot_us_ != 0 && now.boot_us > last_boot_us_) {
      const double share =
          static_cast<double>(used_us - last_used_us_) / static_cast<double>(now.boot_us - last_boot_us_);
      out.push_back({7, std::round(share * 10'000) / 100});
    }
    last_boot_us_ = now.boot_us;
    last_used_us_ = used_us;
    out.push_back({8, health.is_clock_synchronised});
  }

 private:
  std::function<AgentHealth()> health_;
  std::int64_t last_boot_us_ = 0, last_used_us_ = 0;
  std::vector<SeriesSpec> series_{
      {"agent.spool.frames", "1", ValueType::number},      {"agent.spool.size", "By", ValueType::number},
      {"agent.spool.written", "By", ValueType::number},    {"agent.readings.dropped", "1", ValueType::number},
      {"agent.overruns", "1", ValueType::number},          {"agent.disk.written", "By", ValueType::number},
      {"agent.memory.rss", "By", ValueType::number},       {"agent.cpu.usage", "%", ValueType::number},
      {"agent.clock.synchronised", "", ValueType::boolean}};
};

class ProblemSensor final : public Sensor {
 public:
  explicit ProblemSensor(std::function<AgentHealth()> health) : health_(std::move(health)) {}
  const std::vector<SeriesSpec>& series() const override { return series_; }
  /// The series promises a value a minute; what changed is not kept that long.
  std::int64_t interval_us() const override { return was_told_ && text() != told_ ? kPromptUs : kIntervalUs; }
  void sample(const SampleTime&, std::vector<Sample>& out) override {
    was_told_ = true;
    told_ = text();
    out.push_back({0, told_});
  }

 private:
  std::string text() const {
    std::string problems = health_().problems;
    if (problems.size() > kLongestProblem) {
      std::size_t end = kLongestProblem - 3;
      while (end > 0 && (static_cast<unsigned char>(problems[end]) & 0xc0u) == 0x80u) --end;  // no half character
      problems.resize(end);
      problems += "...";
    }
    return problems;
  }

  std::function<AgentHealth()> health_;
  std::string told_;
  bool was_told_ = false;
  std::vector<SeriesSpec> series_{{"agent.problem", "", ValueType::string}};
};

}  // namespace

void add_health_sensors(const std::function<AgentHealth()>& health, Sensors& out) {
  out.push_back(std::make_unique<FiguresSensor>(health));
  out.push_back(std::make_unique<ProblemSensor>(health));
}

}  // namespace agent
