// A week without a hub: ten series at 1 Hz through FrameBuilder and Spool, as the agent drives them, faster than in
// life. A tenth of it unless TELEMETRY_TESTS_LONG is set. Prints what it measured.
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <random>

#include "tests/unit/device-agent/spool/spool_fixture.h"
#include "wire/frame_codec.h"

namespace agent {
namespace {

/// A line "NAME: N" of a file in /proc/self.
double proc_figure(const char* file, const std::string& name) {
  std::ifstream in(std::string("/proc/self/") + file);
  for (std::string word; in >> word;) {
    double value = 0;
    if (word == name && in >> value) return value;
  }
  return 0;
}

double sectors_written(const char* device_stat) {
  std::ifstream in(device_stat);
  double value = 0;
  for (int i = 0; i < 7 && in >> value; ++i) {
  }
  return value;
}

/// What sensors of a machine and of a greenhouse say.
class Series {
 public:
  void sample(FrameBuilder& builder, std::int64_t time_us, std::int64_t second) {
    const auto put = [&](const char* name, const char* unit, double value) {
      builder.add(builder.alias(name, unit, telemetry::v1::VALUE_TYPE_NUMBER, 1'000), time_us, value);
    };
    const double day = std::sin(static_cast<double>(second) / 86'400 * 6.283);
    const auto round_to = [](double v, double n) { return std::round(v * n) / n; };
    put("air.temperature", "Cel", round_to(20 + 6 * day + noise_(random_) * 0.1, 10));
    put("air.humidity", "%", round_to(55 - 15 * day + noise_(random_) * 0.3, 10));
    put("air.pressure", "hPa", round_to(1'013 + day + noise_(random_) * 0.03, 100));
    put("cpu.usage", "%", round_to(std::abs(8 + noise_(random_) * 4), 10));
    put("load.1m", "", round_to(std::abs(0.3 + noise_(random_) * 0.02), 100));
    memory_ += std::round(noise_(random_) * 30) * 4'096;
    put("memory.available", "By", 6e8 + memory_);
    put("thermal.0.cpu", "Cel", round_to(48 + 3 * day + noise_(random_) * 0.3, 10));
    put("net.eth0.received", "By/s", std::round(std::abs(900 + noise_(random_) * 250)));
    put("power.supply", "V", round_to(5.1 + noise_(random_) * 0.004, 1'000));
    put("uptime", "s", static_cast<double>(second));
  }

 private:
  std::mt19937 random_{7};
  std::normal_distribution<double> noise_{0, 1};
  double memory_ = 0;
};

class WeekTest : public SpoolFixture, public ::testing::WithParamInterface<int> {
 protected:
  ~WeekTest() override {
    std::error_code ignored;
    if (!on_disk.empty()) std::filesystem::remove_all(on_disk, ignored);
  }
  /// Where writes are counted; SpoolFixture's folder is in memory.
  void use_disk() {
    on_disk = (std::filesystem::temp_directory_path() / ("spool-week-" + std::to_string(::getpid()))).string();
    options.folder = on_disk;
  }
  std::string on_disk;
};

TEST_P(WeekTest, a_week_fits_costs_little_and_drains_whole) {
  const int flush_s = GetParam();
  const bool is_long = std::getenv("TELEMETRY_TESTS_LONG") != nullptr;
  const std::int64_t seconds = is_long ? 7 * 86'400 : 7 * 8'640;
  options.max_bytes = 512u << 20;
  if (is_long) use_disk();
  Series series;
  std::uint64_t sampled = 0;
  const double rss_before = proc_figure("status", "VmRSS:");
  const double before = proc_figure("io", "write_bytes:");
  const char* device_stat = std::getenv("SPOOL_WEEK_DEVICE");
  const double sectors = device_stat == nullptr ? 0 : sectors_written(device_stat);
  std::size_t most_memory = 0;
  {
    auto spool = open(1);
    FrameBuilder builder;
    for (std::int64_t second = 1; second <= seconds; ++second) {
      clock.advance(1'000'000);
      series.sample(builder, clock.now_us(), second);
      sampled += 10;
      if (second % flush_s != 0) continue;
      spool->append(1, builder.close(clock));
      spool->set_definitions(builder.definitions());
      ASSERT_TRUE(spool->flush());
      most_memory = std::max(most_memory, spool->memory_bytes());
    }
    EXPECT_EQ(spool->dropped_frames(), 0u);
    EXPECT_LE(spool->disk_bytes(), options.max_bytes);
    std::printf("flush %d s: %llu readings, on disk %.2f B/reading (%.1f MiB), passed to write() %.2f B/reading\n",
                flush_s, static_cast<unsigned long long>(sampled),
                static_cast<double>(spool->disk_bytes()) / static_cast<double>(sampled),
                static_cast<double>(spool->disk_bytes()) / 1'048'576,
                static_cast<double>(spool->written_bytes()) / static_cast<double>(sampled));
  }
  const double written = (proc_figure("io", "write_bytes:") - before) / static_cast<double>(sampled);
  const double rss_written = proc_figure("status", "VmRSS:");
  // tmpfs counts nothing.
  std::printf("  written to the file system (write_bytes) %.2f B/reading\n", written);
  if (is_long) {
    EXPECT_LE(written, flush_s == 60 ? 10 : 50);
    if (device_stat != nullptr) {  // /sys/block/loop0/stat, of a file system of its own
      ::sync();
      std::printf("  written to the device, journal of the file system included, %.2f B/reading\n",
                  (sectors_written(device_stat) - sectors) * 512 / static_cast<double>(sampled));
    }
  }

  const auto start = std::chrono::steady_clock::now();
  auto spool = open(2);
  const std::chrono::duration<double> start_s = std::chrono::steady_clock::now() - start;
  EXPECT_LT(spool->memory_bytes(), 1u << 20);
  const double rss_open = proc_figure("status", "VmRSS:");
  std::uint64_t drained = 0, next = 1;
  std::int64_t last_us = 0;
  std::vector<std::int64_t> times;
  telemetry::v1::FrameBody body;
  const auto drain_start = std::chrono::steady_clock::now();
  while (const auto item = spool->read(spool_id(1), 1, next)) {
    ASSERT_FALSE(item->is_gap);
    ASSERT_EQ(item->first, next);
    next = item->last + 1;
    ASSERT_TRUE(body.ParseFromString(item->bytes));
    for (const auto& block : body.blocks()) {
      ASSERT_TRUE(wire::decode_times(block, static_cast<std::int64_t>(body.wall_us()), {}, times));
      ASSERT_GT(times.front(), last_us);
      drained += block.count() * static_cast<std::uint64_t>(block.columns_size());
    }
    last_us = times.back();
    spool->acknowledged(spool_id(1), 1, item->last);
  }
  const std::chrono::duration<double> drain_s = std::chrono::steady_clock::now() - drain_start;
  EXPECT_EQ(drained, sampled);
  EXPECT_EQ(spool->held(), 0u);
  EXPECT_LE(spool->disk_bytes(), options.tail_bytes) << "what is drained is gone from the disk";
  std::printf(
      "  in memory at most %zu KiB; start with it %.3f s; drain %.2f s; RSS %.0f KiB before, +%.0f written, +%.0f "
      "opened, +%.0f drained\n",
      most_memory / 1'024, start_s.count(), drain_s.count(), rss_before, rss_written - rss_before,
      rss_open - rss_before, proc_figure("status", "VmRSS:") - rss_before);
}

INSTANTIATE_TEST_SUITE_P(Flush, WeekTest, ::testing::Values(60, 10),
                         [](const auto& tested) { return "every_" + std::to_string(tested.param) + "_s"; });

}  // namespace
}  // namespace agent
