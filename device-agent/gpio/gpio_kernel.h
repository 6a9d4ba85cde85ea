// The seam to the kernel's GPIO character devices.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace agent {

/// What is used of the system: failures are negative errno values. Agent's thread.
class GpioKernel {
 public:
  virtual ~GpioKernel() = default;
  /// Paths of all chips, "/dev/gpiochip0" …, by number.
  virtual std::vector<std::string> chips() = 0;
  virtual int open(const std::string& path) = 0;
  virtual int call(int fd, unsigned long request, void* argument) = 0;
  /// 0: nothing there now.
  virtual long read(int fd, void* into, std::size_t bytes) = 0;
  virtual void close(int fd) = 0;
};

class SystemGpioKernel final : public GpioKernel {
 public:
  std::vector<std::string> chips() override;
  int open(const std::string& path) override;
  int call(int fd, unsigned long request, void* argument) override;
  long read(int fd, void* into, std::size_t bytes) override;
  void close(int fd) override;
};

}  // namespace agent
