#include "device-agent/gpio/gpio_lines.h"

#include <linux/gpio.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <utility>

namespace agent {
namespace {

constexpr unsigned kEventQueue = 256;
constexpr std::size_t kNearNames = 5;

std::string text_of(const char* field, std::size_t size) {
  return {field, ::strnlen(field, size)};
}

std::string why(int error, const std::string& chip) {
  if (error == -EACCES || error == -EPERM) {
    return "no permission for " + chip + ": add the agent's user to the group gpio (usermod -aG gpio device-agent)";
  }
  return chip + ": " + std::strerror(-error);
}

/// How many letters one must change to get from one name to the other.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t corner = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const bool same =
          std::tolower(static_cast<unsigned char>(a[i])) == std::tolower(static_cast<unsigned char>(b[j]));
      const std::size_t next = std::min({row[j] + 1, row[j + 1] + 1, corner + (same ? 0 : 1)});
      corner = std::exchange(row[j + 1], next);
    }
  }
  return row.back();
}

std::string near_names(const std::string& wanted, std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::stable_sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    return distance(wanted, a) < distance(wanted, b);
  });
  std::string text;
  for (std::size_t i = 0; i < std::min(kNearNames, names.size()); ++i) text += (i == 0 ? "" : ", ") + names[i];
  return text.empty() ? "the lines here have no names: use chip and offset"
                      : "there are " + text + (names.size() > kNearNames ? ", …" : "");
}

/// Closes what was opened on the way.
struct OpenChip {
  GpioKernel& kernel;
  int fd;
  OpenChip(GpioKernel& k, const std::string& path) : kernel(k), fd(k.open(path)) {}
  ~OpenChip() {
    if (fd >= 0) kernel.close(fd);
  }
  OpenChip(const OpenChip&) = delete;
};

}  // namespace

std::string GpioAddress::text() const {
  return line.empty() ? chip + " line " + std::to_string(offset) : "line " + line;
}

GpioLines::Found GpioLines::find(const GpioAddress& address) {
  if (address.line.empty()) {
    return {address.chip.rfind('/', 0) == 0 ? address.chip : "/dev/" + address.chip, address.offset, {}};
  }
  std::vector<std::string> names;
  std::vector<Found> found;
  std::string refused;
  for (const auto& path : kernel_.chips()) {
    const OpenChip chip(kernel_, path);
    if (chip.fd < 0) {
      refused = why(chip.fd, path);
      continue;
    }
    gpiochip_info info{};
    if (kernel_.call(chip.fd, GPIO_GET_CHIPINFO_IOCTL, &info) != 0) continue;
    for (unsigned offset = 0; offset < std::min(info.lines, 4'096u); ++offset) {
      gpio_v2_line_info line{};
      line.offset = offset;
      if (kernel_.call(chip.fd, GPIO_V2_GET_LINEINFO_IOCTL, &line) != 0) continue;
      const std::string name = text_of(line.name, sizeof line.name);
      if (name.empty()) continue;
      if (name == address.line) found.push_back({path, offset, {}});
      names.push_back(name);
    }
  }
  if (found.size() == 1) return found[0];
  if (found.size() > 1) {
    return {{},
            0,
            "there are " + std::to_string(found.size()) + " lines named " + address.line + " (" + found[0].chip + ", " +
                found[1].chip + "): use chip and offset"};
  }
  if (!refused.empty()) return {{}, 0, std::move(refused)};
  if (names.empty() && kernel_.chips().empty()) return {{}, 0, "this machine has no GPIO chip (/dev/gpiochip*)"};
  return {{}, 0, "there is no line named " + address.line + "; " + near_names(address.line, std::move(names))};
}

GpioAnswer GpioLines::request(const GpioAddress& address, void* config) {
  GpioAnswer answer;
  const Found found = find(address);
  if (answer.problem = found.problem; !answer.problem.empty()) return answer;
  const OpenChip chip(kernel_, found.chip);
  if (chip.fd < 0) {
    answer.problem = why(chip.fd, found.chip);
    return answer;
  }
  gpio_v2_line_request request{};
  request.offsets[0] = found.offset;
  request.num_lines = 1;
  request.event_buffer_size = kEventQueue;
  std::strncpy(request.consumer, "device-agent", sizeof request.consumer - 1);
  request.config = *static_cast<gpio_v2_line_config*>(config);
  const int failed = kernel_.call(chip.fd, GPIO_V2_GET_LINE_IOCTL, &request);
  if (failed == 0) {
    answer.line = std::make_unique<GpioLine>(kernel_, request.fd);
    return answer;
  }
  gpio_v2_line_info line{};
  line.offset = found.offset;
  if (failed == -EBUSY) {
    const bool is_told = kernel_.call(chip.fd, GPIO_V2_GET_LINEINFO_IOCTL, &line) == 0;
    const std::string holder = is_told ? text_of(line.consumer, sizeof line.consumer) : std::string();
    answer.problem = address.text() + " is in use by " + (holder.empty() ? "another program" : "\"" + holder + "\"");
  } else if (failed == -EINVAL && kernel_.call(chip.fd, GPIO_V2_GET_LINEINFO_IOCTL, &line) != 0) {
    answer.problem = found.chip + " has no line " + std::to_string(found.offset);
  } else {
    answer.problem = address.text() + ": " + why(failed, found.chip);
  }
  return answer;
}

GpioAnswer GpioLines::take(const GpioInputSetup& setup) {
  gpio_v2_line_config config{};
  config.flags = GPIO_V2_LINE_FLAG_INPUT;
  if (setup.is_active_low) config.flags |= GPIO_V2_LINE_FLAG_ACTIVE_LOW;
  if (setup.wants_edges) config.flags |= GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING;
  if (setup.bias == GpioBias::disabled) config.flags |= GPIO_V2_LINE_FLAG_BIAS_DISABLED;
  if (setup.bias == GpioBias::pull_up) config.flags |= GPIO_V2_LINE_FLAG_BIAS_PULL_UP;
  if (setup.bias == GpioBias::pull_down) config.flags |= GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN;
  if (setup.debounce_us > 0) {
    config.num_attrs = 1;
    config.attrs[0].mask = 1;
    config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_DEBOUNCE;
    config.attrs[0].attr.debounce_period_us = setup.debounce_us;
  }
  return request(setup.address, &config);
}

GpioAnswer GpioLines::take(const GpioOutputSetup& setup) {
  gpio_v2_line_config config{};
  config.flags = GPIO_V2_LINE_FLAG_OUTPUT;
  if (setup.is_active_low) config.flags |= GPIO_V2_LINE_FLAG_ACTIVE_LOW;
  config.num_attrs = 1;
  config.attrs[0].mask = 1;
  config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
  config.attrs[0].attr.values = setup.value ? 1 : 0;
  return request(setup.address, &config);
}

std::optional<bool> GpioLine::value() {
  gpio_v2_line_values values{};
  values.mask = 1;
  if (kernel_.call(fd_, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) != 0) return std::nullopt;
  return (values.bits & 1) != 0;
}

bool GpioLine::set(bool value) {
  gpio_v2_line_values values{};
  values.mask = 1;
  values.bits = value ? 1 : 0;
  return kernel_.call(fd_, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) == 0;
}

std::optional<std::vector<GpioEdge>> GpioLine::take_edges() {
  std::vector<GpioEdge> edges;
  std::array<gpio_v2_line_event, 32> events{};
  while (edges.size() < kEventQueue) {
    const long bytes = kernel_.read(fd_, events.data(), sizeof events);
    if (bytes < 0) return std::nullopt;
    const auto count = static_cast<std::size_t>(bytes) / sizeof events[0];
    for (std::size_t i = 0; i < count; ++i) {
      edges.push_back({events[i].id == GPIO_V2_LINE_EVENT_RISING_EDGE,
                       static_cast<std::int64_t>(events[i].timestamp_ns), events[i].line_seqno});
    }
    if (count < events.size()) break;
  }
  return edges;
}

}  // namespace agent
