// A GPIO line as a sensor: its level at each sampling, and every change between two with the kernel's own time.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "device-agent/gpio/gpio_lines.h"
#include "device-agent/sensors/sensor.h"

namespace agent {

struct GpioInputConfig {
  std::string name;  // of the series
  GpioInputSetup setup;
  std::int64_t interval_us = 0;  // 0: the agent's
};

/// One series, boolean. Takes its line at the first sampling, so that making one takes nothing; where it cannot, it
/// says why and tries again at each. Changes wait in the kernel's queue (256; past it the oldest are lost, which is
/// said).
class GpioInput final : public Sensor {
 public:
  /// `monotonic_ns`: the clock of the kernel's edges (CLOCK_MONOTONIC).
  GpioInput(GpioInputConfig config, std::shared_ptr<GpioKernel> kernel, std::function<std::int64_t()> monotonic_ns);
  const std::vector<SeriesSpec>& series() const override { return series_; }
  void sample(const SampleTime& now, std::vector<Sample>& out) override;
  std::int64_t interval_us() const override { return config_.interval_us; }
  std::string identity() const override { return "gpio:" + config_.name; }
  std::string problem() const override;
  std::uint64_t lost_edges() const { return lost_; }

 private:
  GpioInputConfig config_;
  std::shared_ptr<GpioKernel> kernel_;
  std::function<std::int64_t()> monotonic_ns_;
  std::vector<SeriesSpec> series_;
  std::unique_ptr<GpioLine> line_;
  std::string problem_;
  std::uint32_t last_number_ = 0;
  std::uint64_t lost_ = 0;
};

/// One sensor each, on this machine's chips.
Sensors make_gpio_inputs(const std::vector<GpioInputConfig>& configs);

}  // namespace agent
