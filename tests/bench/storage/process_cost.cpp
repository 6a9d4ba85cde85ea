#include "tests/bench/storage/process_cost.h"

#include <sys/resource.h>

#include <fstream>
#include <string>

#include "tests/bench/storage/engine.h"

namespace bench {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

ProcessCost ProcessCost::now() {
  ProcessCost cost;
  std::ifstream io("/proc/self/io");
  for (std::string name; io >> name;) {
    if (name == "wchar:") {
      io >> cost.written_bytes;
      break;
    }
  }
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) throw Failure("getrusage failed");
  cost.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  cost.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  return cost;
}

ProcessCost ProcessCost::since(const ProcessCost& earlier) const {
  return {wall_s - earlier.wall_s, cpu_s - earlier.cpu_s, written_bytes - earlier.written_bytes};
}

}  // namespace bench
