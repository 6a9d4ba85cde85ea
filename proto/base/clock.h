// The clock seam: nothing outside SystemClock asks the operating system what time it is.
#pragma once

#include <cstdint>

namespace base {

/// Microseconds since the Unix epoch (UTC) and since boot. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall time, µs since the Unix epoch; may jump.
  virtual std::int64_t now_us() const = 0;
  /// µs since boot including suspend (CLOCK_BOOTTIME); never goes back.
  virtual std::int64_t boot_us() const = 0;
  /// Whether the kernel says the wall clock is disciplined (adjtimex without STA_UNSYNC).
  virtual bool synchronised() const = 0;
};

class SystemClock final : public Clock {
 public:
  std::int64_t now_us() const override;
  std::int64_t boot_us() const override;
  bool synchronised() const override;
};

}  // namespace base
