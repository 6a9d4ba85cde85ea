// What the server's process, this one and everybody else take of the machine.
#pragma once

#include <cstdint>

namespace bench {

/// Of all threads, by the scheduler's nanoseconds; 0 where the process is gone.
double cpu_s(int pid);
/// Resident memory of its own: anonymous pages, not those of files.
std::uint64_t anonymous_bytes(int pid);

/// CPU within a window.
class CpuWindow {
 public:
  explicit CpuWindow(int server);
  void begin();
  void end();
  double seconds = 0, server_s = 0, client_s = 0;
  double others_percent = 0;  // of one core: what neither of the two took; a machine that is not quiet shows here

 private:
  int server_;
  std::int64_t began_ns_ = 0;
  double server_began_ = 0, client_began_ = 0, machine_began_ = 0;
};

}  // namespace bench
