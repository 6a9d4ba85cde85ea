// The budgets of the wire, framed with TLS and lossless, for a synthetic device with the decimals real sensors have.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "telemetry/v1/device.pb.h"
#include "wire/frame_codec.h"

namespace wire {
namespace {

/// Nine sensors with the resolution that such sensors have, one of full double noise; clocks are read in milliseconds
/// and jitter by 3 ms (standard deviation).
class Device {
 public:
  explicit Device(std::int64_t interval_us) : interval_us_(interval_us) {}

  /// Bytes on the wire of one frame of `samples` samples of ten series: WebSocket header (masked) and TLS record
  /// included.
  std::size_t frame_bytes(int samples) {
    std::vector<std::int64_t> times;
    std::vector<std::vector<double>> columns(10);
    for (int i = 0; i < samples; ++i) {
      now_us_ += interval_us_;
      times.push_back(now_us_ + std::llround(normal() * 3) * 1'000);
      sample(columns);
    }
    telemetry::v1::FrameBody body;
    body.set_wall_us(static_cast<std::uint64_t>(now_us_ + 2'000));
    body.set_monotonic_ms(static_cast<std::uint64_t>(now_us_ / 1'000 - 1'699'000'000'000));
    auto& block = *body.add_blocks();
    encode_times(times, now_us_ + 2'000, block);
    for (std::size_t s = 0; s < columns.size(); ++s) {
      auto& column = *block.add_columns();
      if (s == 0) column.set_series(1);  // the others follow: 0 means the previous plus one
      encode_numbers(columns[s], column);
    }
    telemetry::v1::DeviceMessage message;
    message.mutable_frame()->set_sequence(++sequence_);
    message.mutable_frame()->set_body(body.SerializeAsString());
    const std::size_t payload = message.ByteSizeLong();
    const std::size_t websocket = payload + (payload < 126 ? 6 : payload < 65'536 ? 8 : 14);
    return websocket + (websocket + 16'383) / 16'384 * 22;
  }

 private:
  double normal() {
    return std::sqrt(-2 * std::log(1 - random_.next_unit())) * std::cos(6.283185307179586 * random_.next_unit());
  }
  static double round_to(double v, double scale) { return std::round(v * scale) / scale; }

  void sample(std::vector<std::vector<double>>& c) {
    c[0].push_back(round_to(temperature_ += normal() * 0.05, 100));      // 0.01 °C
    c[1].push_back(round_to(humidity_ += normal() * 0.2, 10));           // 0.1 %
    c[2].push_back(round_to(pressure_ += normal() * 0.03, 100));         // 0.01 hPa
    c[3].push_back(round_to(battery_ += normal() * 0.002, 1'000));       // 1 mV
    c[4].push_back(-67 + std::round(normal() * 2));                      // dBm
    c[5].push_back(1'480 + std::round(normal() * 8));                    // revolutions a minute
    c[6].push_back(energy_ += std::round(3 + random_.next_unit() * 4));  // Wh, counting up
    if (random_.next_unit() < 0.02) valve_ = 1 - valve_;
    c[7].push_back(valve_);
    c[8].push_back(std::fabs(normal()) * 0.731);  // vibration: full double noise
    c[9].push_back(round_to(latitude_ += normal() * 2e-6, 1'000'000));
  }

  std::int64_t interval_us_;
  std::int64_t now_us_ = 1'700'000'000'000'000;
  std::uint64_t sequence_ = 100'000;
  double temperature_ = 21.4, humidity_ = 45, pressure_ = 1'013.25, battery_ = 3.71, energy_ = 1e6, valve_ = 0,
         latitude_ = 52.520008;
  base::SeededRandom random_{42};
};

double bytes_per_reading(std::int64_t interval_us, int samples) {
  Device device(interval_us);
  std::size_t bytes = 0;
  const int frames = 200;
  for (int i = 0; i < frames; ++i) bytes += device.frame_bytes(samples);
  const double result = static_cast<double>(bytes) / (frames * samples * 10);
  ::testing::Test::RecordProperty("bytes_per_reading", std::to_string(result));
  std::printf("%d readings a frame: %.3f bytes/reading\n", samples * 10, result);
  return result;
}

TEST(ByteBudget, ten_sensors_at_1_hz_100_readings_a_frame) {
  EXPECT_LE(bytes_per_reading(1'000'000, 10), 3.2);
}
TEST(ByteBudget, ten_sensors_at_1_hz_1000_readings_a_frame) {
  EXPECT_LE(bytes_per_reading(1'000'000, 100), 2.0);
}
TEST(ByteBudget, sensors_of_once_a_minute) {
  EXPECT_LE(bytes_per_reading(60'000'000, 5), 5.0);
}

}  // namespace
}  // namespace wire
