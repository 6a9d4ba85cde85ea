#include "process_cost.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "event_loop.h"

namespace bench {
namespace {

/// Of all processors: time that was not idle, the hypervisor's share included.
double machine_busy_s() {
  std::ifstream in("/proc/stat");
  std::string name;
  double user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, soft_irq = 0, steal = 0;
  in >> name >> user >> nice >> system >> idle >> waiting >> irq >> soft_irq >> steal;
  return (user + nice + system + irq + soft_irq + steal) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

double cpu_s(int pid) {
  const std::string folder = "/proc/" + std::to_string(pid) + "/task";
  DIR* tasks = ::opendir(folder.c_str());
  if (tasks == nullptr) return 0;
  double sum_ns = 0;
  while (const dirent* task = ::readdir(tasks)) {
    if (task->d_name[0] == '.') continue;  // "..": the process, where the first thread would count once more
    double ns = 0;
    if (std::ifstream(folder + "/" + task->d_name + "/schedstat") >> ns) sum_ns += ns;
  }
  ::closedir(tasks);
  return sum_ns / 1e9;
}

std::uint64_t anonymous_bytes(int pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  std::string line;
  while (std::getline(in, line)) {
    if (!line.starts_with("RssAnon:")) continue;
    std::uint64_t kib = 0;
    std::istringstream(line.substr(line.find(':') + 1)) >> kib;
    return kib * 1024;
  }
  return 0;
}

CpuWindow::CpuWindow(int server) : server_(server) {}

void CpuWindow::begin() {
  began_ns_ = now_ns();
  server_began_ = cpu_s(server_);
  client_began_ = cpu_s(::getpid());
  machine_began_ = machine_busy_s();
}

void CpuWindow::end() {
  seconds = static_cast<double>(now_ns() - began_ns_) / 1e9;
  server_s = cpu_s(server_) - server_began_;
  client_s = cpu_s(::getpid()) - client_began_;
  const double others_s = machine_busy_s() - machine_began_ - server_s - client_s;
  others_percent = seconds > 0 ? std::max(0.0, others_s / seconds * 100) : 0;
}

}  // namespace bench
