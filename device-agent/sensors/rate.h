// A counter of the kernel as a rate.
#pragma once

#include <cstdint>
#include <optional>

namespace agent {

/// The change a second between two looks, by boot time, which never jumps. Nothing at the first look, and once where
/// the counter went back (it wraps at 32 bits in some drivers, or what it counts was made anew) or was not there.
class Rate {
 public:
  std::optional<double> next(std::optional<double> counter, std::int64_t boot_us) {
    std::optional<double> rate;
    const double seconds = static_cast<double>(boot_us - last_us_) / 1e6;
    if (counter && last_ && *counter >= *last_ && seconds > 0) rate = (*counter - *last_) / seconds;
    last_ = counter;
    last_us_ = boot_us;
    return rate;
  }

 private:
  std::optional<double> last_;
  std::int64_t last_us_ = 0;
};

}  // namespace agent
