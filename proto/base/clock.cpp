#include "base/clock.h"

#include <sys/timex.h>
#include <time.h>

namespace base {
namespace {

std::int64_t read_us(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_nsec / 1'000;
}

}  // namespace

std::int64_t SystemClock::now_us() const {
  return read_us(CLOCK_REALTIME);
}

std::int64_t SystemClock::boot_us() const {
  return read_us(CLOCK_BOOTTIME);
}

bool SystemClock::synchronised() const {
  timex t{};
  const int state = ::adjtimex(&t);
  return state != -1 && state != TIME_ERROR && (t.status & STA_UNSYNC) == 0;
}

}  // namespace base
