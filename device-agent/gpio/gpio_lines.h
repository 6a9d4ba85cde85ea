// Lines of GPIO chips, found by name and taken from the kernel.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device-agent/gpio/gpio_kernel.h"

namespace agent {

/// By the name that the device tree gives it ("GPIO17", "DOOR"), or by chip ("gpiochip0") and offset.
struct GpioAddress {
  std::string line, chip;
  unsigned offset = 0;
  std::string text() const;
};

enum class GpioBias : std::uint8_t { as_is, disabled, pull_up, pull_down };

struct GpioInputSetup {
  GpioAddress address;
  bool is_active_low = false;
  GpioBias bias = GpioBias::as_is;
  std::uint32_t debounce_us = 0;  // by the kernel; 0: none
  bool wants_edges = true;
};
struct GpioOutputSetup {
  GpioAddress address;
  bool is_active_low = false;
  bool value = false;  // from the first moment
};

struct GpioEdge {
  bool value = false;
  std::int64_t monotonic_ns = 0;  // when the kernel saw it
  std::uint32_t number = 0;       // of the line; a hole means that the kernel's queue ran over
};

/// A line that is this process's until it is destroyed. Values are logical: active is true, whatever the voltage.
class GpioLine {
 public:
  GpioLine(GpioKernel& kernel, int fd) : kernel_(kernel), fd_(fd) {}
  ~GpioLine() { kernel_.close(fd_); }
  GpioLine(const GpioLine&) = delete;
  GpioLine& operator=(const GpioLine&) = delete;
  /// Nothing: the chip is gone.
  std::optional<bool> value();
  bool set(bool value);
  /// What the kernel has queued, oldest first: at most 256, then the oldest are lost. Does not wait. Nothing: the chip
  /// is gone.
  std::optional<std::vector<GpioEdge>> take_edges();

 private:
  GpioKernel& kernel_;
  const int fd_;
};

struct GpioAnswer {
  std::unique_ptr<GpioLine> line;
  std::string problem;  // for people, where there is none
};

/// Takes lines. Agent's thread; the kernel seam outlives it and its lines.
class GpioLines {
 public:
  explicit GpioLines(GpioKernel& kernel) : kernel_(kernel) {}
  GpioAnswer take(const GpioInputSetup& setup);
  GpioAnswer take(const GpioOutputSetup& setup);

 private:
  struct Found {
    std::string chip;  // path
    unsigned offset = 0;
    std::string problem;
  };
  Found find(const GpioAddress& address);
  GpioAnswer request(const GpioAddress& address, void* config);

  GpioKernel& kernel_;
};

}  // namespace agent
