// What this process has used so far, of time and of the disk.
#pragma once

#include <chrono>
#include <cstdint>

namespace bench {

struct ProcessCost {
  double wall_s = 0;
  double cpu_s = 0;                 // user and system, all threads
  std::uint64_t written_bytes = 0;  // handed to write() and its like, files and pipes

  static ProcessCost now();
  ProcessCost since(const ProcessCost& earlier) const;
};

/// Wall time of a call in ms.
template <class Call>
double timed_ms(Call call) {
  const auto begun = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
}

}  // namespace bench
