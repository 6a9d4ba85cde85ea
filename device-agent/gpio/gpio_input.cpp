#include "device-agent/gpio/gpio_input.h"

#include <time.h>

#include <algorithm>

namespace agent {
namespace {

std::int64_t system_monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

}  // namespace

GpioInput::GpioInput(GpioInputConfig config, std::shared_ptr<GpioKernel> kernel,
                     std::function<std::int64_t()> monotonic_ns)
    : config_(std::move(config)),
      kernel_(std::move(kernel)),
      monotonic_ns_(std::move(monotonic_ns)),
      series_{{config_.name, "", ValueType::boolean}} {}

void GpioInput::sample(const SampleTime&, std::vector<Sample>& out) {
  if (!line_) {
    GpioLines lines(*kernel_);
    GpioAnswer answer = lines.take(config_.setup);
    problem_ = std::move(answer.problem);
    line_ = std::move(answer.line);
    last_number_ = 0;
    if (!line_) return;
  }
  const auto edges = config_.setup.wants_edges ? line_->take_edges() : std::vector<GpioEdge>{};
  const auto level = line_->value();
  if (!edges || !level) {
    line_ = nullptr;
    problem_ = config_.setup.address.text() + " is gone";
    return;
  }
  const std::int64_t now_ns = monotonic_ns_();
  for (const auto& edge : *edges) {
    lost_ += edge.number - last_number_ - 1;
    last_number_ = edge.number;
    out.push_back({0, edge.value, std::max<std::int64_t>(0, (now_ns - edge.monotonic_ns) / 1'000)});
  }
  out.push_back({0, *level, 0});
}

std::string GpioInput::problem() const {
  if (!problem_.empty()) return config_.name + ": " + problem_;
  if (lost_ == 0) return {};
  return config_.name + ": " + std::to_string(lost_) +
         " changes came faster than they were read: set debounce, or a shorter interval";
}

Sensors make_gpio_inputs(const std::vector<GpioInputConfig>& configs) {
  Sensors sensors;
  const auto kernel = std::make_shared<SystemGpioKernel>();
  for (const auto& config : configs) {
    sensors.push_back(std::make_unique<GpioInput>(config, kernel, system_monotonic_ns));
  }
  return sensors;
}

}  // namespace agent
