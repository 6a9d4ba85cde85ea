#include "tests/bench/workload.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace bench {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;

/// Orders a heap so that what is due first comes first.
constexpr auto kLater = [](const auto& a, const auto& b) { return a.due != b.due ? a.due > b.due : a.order > b.order; };

}  // namespace

Workload::Workload(WorkloadOptions options) : options_(options), random_(options.seed) {
  state_.resize(std::size_t{options_.devices} * kSeriesPerDevice);
  for (std::size_t i = 0; i < state_.size(); i += kSeriesPerDevice) {
    state_[i] = 200 + static_cast<double>(below(80));
    state_[i + 1] = 400 + static_cast<double>(below(300));
    state_[i + 2] = 101'300 + static_cast<double>(below(900));
    state_[i + 3] = 4'100;
    state_[i + 5] = static_cast<double>(below(1'000'000));
    state_[i + 6] = static_cast<double>(below(2));
    state_[i + 8] = 500;
  }
}

double Workload::noise() {
  double sum = 0;
  for (int i = 0; i < 6; ++i) {
    sum += static_cast<double>(random_() >> 11) * 0x1p-53;
  }
  return (sum - 3) * std::sqrt(2.0);
}

double Workload::realistic(unsigned device, unsigned series) {
  double& state = state_[std::size_t{device} * kSeriesPerDevice + series];
  const auto step = [&](std::uint64_t values) {
    return static_cast<double>(below(values)) - static_cast<double>(values / 2);
  };
  switch (series) {
    case 0:  // °C
      state += below(8) == 0 ? step(3) : 0;
      return state / 10;
    case 1:  // % of humidity
      state += below(4) == 0 ? step(3) : 0;
      return state / 10;
    case 2:  // hPa
      state += step(5);
      return state / 100;
    case 3:  // V of a battery
      state -= below(600) == 0 ? 1 : 0;
      return (state + step(3)) / 1'000;
    case 4:  // dBm
      return -60 + std::floor(noise() * 4);
    case 5:  // a counter
      state += static_cast<double>(below(4));
      return state;
    case 6:  // on, off
      state = below(300) == 0 ? 1 - state : state;
      return state;
    case 7:  // an accelerometer's float
      return static_cast<double>(static_cast<float>(9.81 + noise() * 0.05));
    case 8:  // W, jumping
      state = below(200) == 0 ? static_cast<double>(below(20'000)) : state;
      return (state + static_cast<double>(below(21))) / 10;
    default:  // every bit of a double
      state += 0.001;
      return 20 + 5 * std::sin(state) + noise() * 0.1;
  }
}

Sample Workload::make(unsigned device) {
  Sample sample{device, options_.start_us + second_ * kSecondUs + (device % 1'000) * 1'000, {}};
  if (options_.values == Values::realistic) {
    sample.time_us += (static_cast<std::int64_t>(below(5)) - 2) * 1'000;
    for (unsigned series = 0; series < kSeriesPerDevice; ++series) {
      sample.values[series] = realistic(device, series);
    }
    return sample;
  }
  sample.time_us += static_cast<std::int64_t>(below(800'000)) - 400'000;
  for (double& value : sample.values) {
    do {
      value = std::bit_cast<double>(random_());
    } while (!std::isfinite(value));
  }
  return sample;
}

std::vector<Sample> Workload::next_second() {
  std::vector<Sample> arrived;
  arrived.reserve(options_.devices);
  for (unsigned device = 0; device < options_.devices; ++device) {
    auto sample = make(device);
    if (options_.late_percent > 0 && below(100) < options_.late_percent) {
      delayed_.push_back({second_ + 1 + static_cast<std::int64_t>(below(120)), delayed_count_++, sample});
      std::push_heap(delayed_.begin(), delayed_.end(), kLater);
    } else {
      arrived.push_back(sample);
    }
  }
  while (!delayed_.empty() && delayed_.front().due <= second_) {
    std::pop_heap(delayed_.begin(), delayed_.end(), kLater);
    arrived.push_back(delayed_.back().sample);
    delayed_.pop_back();
  }
  ++second_;
  return arrived;
}

std::vector<Sample> Workload::rest() {
  std::sort(delayed_.begin(), delayed_.end(), [](const auto& a, const auto& b) { return kLater(b, a); });
  std::vector<Sample> samples;
  samples.reserve(delayed_.size());
  for (const auto& each : delayed_) {
    samples.push_back(each.sample);
  }
  delayed_.clear();
  return samples;
}

}  // namespace bench
