#include "device-agent/gpio/gpio_outputs.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace agent {
namespace {

/// Not cancel(): the coroutine may not wait yet.
void end_now(std::shared_ptr<boost::asio::steady_timer>& pulse) {
  if (pulse) pulse->expires_at(boost::asio::steady_timer::time_point::min());
  pulse = nullptr;
}

}  // namespace

bool GpioOutputConfig::operator==(const GpioOutputConfig& o) const {
  return name == o.name && address.text() == o.address.text() && is_active_low == o.is_active_low &&
         initial == o.initial && fail_safe == o.fail_safe;
}

GpioOutputs::GpioOutputs(boost::asio::any_io_executor executor, std::shared_ptr<GpioKernel> kernel,
                         std::shared_ptr<spdlog::logger> log)
    : executor_(executor),
      kernel_(std::move(kernel)),
      log_(log),
      lines_(*kernel_),
      tasks_(executor, [log](const std::exception& e) { log->error("an output failed: {}", e.what()); }) {}

void GpioOutputs::configure(const std::vector<GpioOutputConfig>& configs) {
  for (auto it = outputs_.begin(); it != outputs_.end();) {
    if (std::find(configs.begin(), configs.end(), it->second.config) != configs.end()) {
      ++it;
      continue;
    }
    if (it->second.line) (void)it->second.line->set(it->second.config.fail_safe);
    end_now(it->second.pulse);
    it = outputs_.erase(it);
  }
  for (const auto& config : configs) {
    const auto [it, is_new] = outputs_.try_emplace(config.name);
    if (!is_new) continue;
    Output& output = it->second;
    output.config = config;
    output.level = config.initial;
    if (const std::string problem = put(output, config.initial); !problem.empty()) {
      log_->error("output {}: {}", config.name, problem);
    }
  }
}

std::string GpioOutputs::put(Output& output, bool value) {
  if (output.line && output.line->set(value)) {
    output.problem.clear();
    return {};
  }
  output.line = nullptr;
  GpioAnswer answer = lines_.take(GpioOutputSetup{output.config.address, output.config.is_active_low, value});
  output.line = std::move(answer.line);
  return output.problem = std::move(answer.problem);
}

std::string GpioOutputs::set(const std::string& name, bool value, std::optional<std::int64_t> for_us) {
  const auto it = outputs_.find(name);
  if (it == outputs_.end()) {
    std::string all;
    for (const auto& [other, output] : outputs_) all += (all.empty() ? "" : ", ") + other;
    return "there is no output \"" + name + "\"; there are: " + (all.empty() ? "none" : all);
  }
  Output& output = it->second;
  if (std::string problem = put(output, value); !problem.empty()) return problem;
  end_now(output.pulse);
  if (for_us) {
    output.pulse = std::make_shared<boost::asio::steady_timer>(executor_, std::chrono::microseconds(*for_us));
    tasks_.spawn(end_pulse(name, output.pulse));
  } else {
    output.level = value;
  }
  return {};
}

std::string GpioOutputs::to_fail_safe(const std::string& name) {
  const auto it = outputs_.find(name);
  return set(name, it != outputs_.end() && it->second.config.fail_safe);
}

boost::asio::awaitable<void> GpioOutputs::end_pulse(std::string name,
                                                    std::shared_ptr<boost::asio::steady_timer> pulse) {
  co_await pulse->async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  const auto it = outputs_.find(name);
  if (it == outputs_.end() || it->second.pulse != pulse) co_return;
  it->second.pulse = nullptr;
  if (const std::string problem = put(it->second, it->second.level); !problem.empty()) {
    log_->error("output {} cannot be put back: {}", name, problem);
  }
}

std::vector<std::string> GpioOutputs::names() const {
  std::vector<std::string> out;
  for (const auto& [name, output] : outputs_) out.push_back(name);
  return out;
}

std::vector<std::string> GpioOutputs::problems() const {
  std::vector<std::string> out;
  for (const auto& [name, output] : outputs_) {
    if (!output.problem.empty()) out.push_back(name + ": " + output.problem);
  }
  return out;
}

boost::asio::awaitable<void> GpioOutputs::stop() {
  configure({});
  co_await tasks_.join();
}

}  // namespace agent
