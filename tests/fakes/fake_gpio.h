// GPIO chips in memory, behind the seam of the kernel's character devices.
#pragma once

#include <linux/gpio.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "device-agent/gpio/gpio_kernel.h"

namespace fakes {

/// Chips with named lines; what was asked for is kept, levels and edges are the test's to set.
class FakeGpio final : public agent::GpioKernel {
 public:
  struct Line {
    std::string name = {}, holder = {};
    bool level = false;  // logical
    gpio_v2_line_config config{};
    std::deque<gpio_v2_line_event> edges = {};
    std::uint32_t numbered = 0;
    int taken_by = -1;               // descriptor
    std::vector<bool> history = {};  // each level that the agent gave it
  };
  std::map<std::string, std::vector<Line>> lines;  // by path of the chip
  bool is_forbidden = false;
  int open_descriptors = 0;

  Line& line(const std::string& name) {
    for (auto& [path, all] : lines) {
      for (auto& one : all) {
        if (one.name == name) return one;
      }
    }
    throw std::out_of_range(name);
  }
  /// As the kernel queues it: 256, then the oldest go.
  void edge(const std::string& name, bool value, std::int64_t monotonic_ns) {
    Line& one = line(name);
    one.level = value;
    gpio_v2_line_event event{};
    event.id = value ? GPIO_V2_LINE_EVENT_RISING_EDGE : GPIO_V2_LINE_EVENT_FALLING_EDGE;
    event.timestamp_ns = static_cast<std::uint64_t>(monotonic_ns);
    event.line_seqno = ++one.numbered;
    one.edges.push_back(event);
    if (one.edges.size() > 256) one.edges.pop_front();
  }

  std::vector<std::string> chips() override {
    std::vector<std::string> paths;
    for (const auto& [path, all] : lines) paths.push_back(path);
    return paths;
  }
  int open(const std::string& path) override {
    if (is_forbidden) return -EACCES;
    if (!lines.contains(path)) return -ENOENT;
    ++open_descriptors;
    open_[++last_] = {path, -1};
    return last_;
  }
  int call(int fd, unsigned long request, void* argument) override {
    const auto it = open_.find(fd);
    if (it == open_.end()) return -EBADF;
    const auto chip = lines.find(it->second.path);
    if (chip == lines.end()) return -ENODEV;
    auto& all = chip->second;
    if (request == GPIO_GET_CHIPINFO_IOCTL) {
      static_cast<gpiochip_info*>(argument)->lines = static_cast<std::uint32_t>(all.size());
      return 0;
    }
    if (request == GPIO_V2_GET_LINEINFO_IOCTL) {
      auto& info = *static_cast<gpio_v2_line_info*>(argument);
      if (info.offset >= all.size()) return -EINVAL;
      std::strncpy(info.name, all[info.offset].name.c_str(), sizeof info.name - 1);
      std::strncpy(info.consumer, all[info.offset].holder.c_str(), sizeof info.consumer - 1);
      return 0;
    }
    if (request == GPIO_V2_GET_LINE_IOCTL) {
      auto& wanted = *static_cast<gpio_v2_line_request*>(argument);
      if (wanted.num_lines != 1 || wanted.offsets[0] >= all.size()) return -EINVAL;
      Line& one = all[wanted.offsets[0]];
      if (!one.holder.empty()) return -EBUSY;
      one.holder = wanted.consumer;
      one.config = wanted.config;
      one.taken_by = wanted.fd = ++last_;
      one.numbered = 0;
      ++open_descriptors;
      open_[last_] = {it->second.path, static_cast<int>(wanted.offsets[0])};
      if ((wanted.config.flags & GPIO_V2_LINE_FLAG_OUTPUT) != 0)
        put(one, (wanted.config.attrs[0].attr.values & 1) != 0);
      return 0;
    }
    if (it->second.line < 0) return -ENOTTY;
    Line& one = all[static_cast<std::size_t>(it->second.line)];
    auto& values = *static_cast<gpio_v2_line_values*>(argument);
    if (request == GPIO_V2_LINE_GET_VALUES_IOCTL) {
      values.bits = one.level ? 1 : 0;
      return 0;
    }
    if (request != GPIO_V2_LINE_SET_VALUES_IOCTL) return -ENOTTY;
    put(one, (values.bits & 1) != 0);
    return 0;
  }
  long read(int fd, void* into, std::size_t bytes) override {
    const auto it = open_.find(fd);
    if (it == open_.end() || it->second.line < 0) return -EBADF;
    if (!lines.contains(it->second.path)) return -ENODEV;
    auto& edges = lines[it->second.path][static_cast<std::size_t>(it->second.line)].edges;
    std::size_t count = 0;
    while (!edges.empty() && (count + 1) * sizeof edges[0] <= bytes) {
      std::memcpy(static_cast<char*>(into) + count++ * sizeof edges[0], &edges.front(), sizeof edges[0]);
      edges.pop_front();
    }
    return static_cast<long>(count * sizeof(gpio_v2_line_event));
  }
  void close(int fd) override {
    const auto it = open_.find(fd);
    if (it == open_.end()) return;
    --open_descriptors;
    if (const auto chip = lines.find(it->second.path); it->second.line >= 0 && chip != lines.end()) {
      Line& one = chip->second[static_cast<std::size_t>(it->second.line)];
      one.holder.clear();
      one.taken_by = -1;
    }
    open_.erase(it);
  }

 private:
  struct Open {
    std::string path;
    int line = -1;
  };
  static void put(Line& one, bool level) {
    one.level = level;
    one.history.push_back(level);
  }

  std::map<int, Open> open_;
  int last_ = 100;
};

}  // namespace fakes
