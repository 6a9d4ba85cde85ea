#include "base/processors.h"

#include <sched.h>

#include <algorithm>
#include <thread>

namespace base {

unsigned usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // Fails where the machine has more than the 1,024 a set holds.
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return std::max(1u, std::thread::hardware_concurrency());
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
}

}  // namespace base
