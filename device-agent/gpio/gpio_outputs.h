// GPIO lines that commands and alerts switch.
#pragma once

#include <spdlog/logger.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device-agent/gpio/gpio_lines.h"
#include "wire/task_group.h"

namespace agent {

struct GpioOutputConfig {
  std::string name;  // as commands and alerts call it
  GpioAddress address;
  bool is_active_low = false;
  bool initial = false;    // from the agent's start
  bool fail_safe = false;  // at the agent's end, and when an alert that switched it is over
  bool operator==(const GpioOutputConfig& other) const;
};

/// Holds its lines as long as it lives. Agent's thread. A line that cannot be taken is tried again whenever it is to be
/// switched. stop() ends pulses and puts every output to its fail-safe; after kill -9 the next start puts it to
/// `initial`.
class GpioOutputs {
 public:
  GpioOutputs(boost::asio::any_io_executor executor, std::shared_ptr<GpioKernel> kernel,
              std::shared_ptr<spdlog::logger> log);
  /// Another configuration: what is the same in both keeps its line and level, what is gone goes to its fail-safe.
  void configure(const std::vector<GpioOutputConfig>& configs);
  /// What hinders it, or empty. `for_us`: afterwards the output goes back to what it was, whoever is there by then.
  std::string set(const std::string& name, bool value, std::optional<std::int64_t> for_us = std::nullopt);
  std::string to_fail_safe(const std::string& name);
  std::vector<std::string> names() const;
  /// "siren: line SIREN is in use by …" of each that could not be switched when it was tried last.
  std::vector<std::string> problems() const;
  boost::asio::awaitable<void> stop();

 private:
  struct Output {
    GpioOutputConfig config;
    std::unique_ptr<GpioLine> line;
    bool level = false;                                // without a pulse
    std::shared_ptr<boost::asio::steady_timer> pulse;  // until its end; a newer order cancels it
    std::string problem;
  };
  std::string put(Output& output, bool value);
  boost::asio::awaitable<void> end_pulse(std::string name, std::shared_ptr<boost::asio::steady_timer> pulse);

  boost::asio::any_io_executor executor_;
  std::shared_ptr<GpioKernel> kernel_;
  std::shared_ptr<spdlog::logger> log_;
  GpioLines lines_;
  std::map<std::string, Output> outputs_;
  wire::TaskGroup tasks_;
};

}  // namespace agent
