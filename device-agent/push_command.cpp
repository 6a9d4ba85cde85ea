// `device-agent push`: hands readings to the agent that runs on this machine.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "device-agent/cli_flags.h"
#include "device-agent/reports/push_socket.h"
#include "device-agent/reports/report_value.h"
#include "device-agent/sensor_list.h"
#include "device-agent/status_file.h"

namespace agent {
namespace {

constexpr int kFailed = 1, kNobodyThere = 4;
constexpr int kWaitMs = 10'000;
constexpr std::size_t kMostInput = 16 * 1'024 * 1'024;

/// Where an agent may listen, likeliest first.
std::vector<std::string> candidates(const Flags& flags) {
  if (!flags.push_socket.empty()) return {flags.push_socket};
  AgentConfig config;
  std::string ignored;
  std::vector<std::string> paths;
  if (read_config(config_path(flags), config, ignored) && !config.push.socket.empty()) paths = {config.push.socket};
  if (paths.empty()) {
    if (const std::string own = find_runtime_folder(); !own.empty()) paths.push_back(own + "/push.sock");
    paths.emplace_back("/run/device-agent/push.sock");
  }
  return paths;
}

/// What to send; nothing: what is wrong was said.
std::optional<std::string> text_of(const Flags& flags) {
  const auto wrong = [](const char* what) {
    std::fprintf(stderr, "device-agent: %s\n", what);
    return std::nullopt;
  };
  if (!flags.push_format.empty()) {
    if (!flags.push_name.empty()) return wrong("push --format reads stdin: leave NAME and VALUE out");
    if (flags.push_format != "influx" && flags.push_format != "json") return wrong("--format must be influx or json");
    std::string input;
    char buffer[16'384];
    while (input.size() <= kMostInput && std::cin) {
      std::cin.read(buffer, sizeof buffer);
      input.append(buffer, static_cast<std::size_t>(std::cin.gcount()));
    }
    if (input.size() > kMostInput) return wrong("stdin is longer than 16 MiB");
    boost::json::error_code ec;
    if (flags.push_format == "json") {
      // One value over many lines becomes one line; what is a value a line stays as it is.
      const auto whole = boost::json::parse(input, ec);
      if (!ec) input = boost::json::serialize(whole) + "\n";
    }
    return "#format " + flags.push_format + "\n" + input;
  }
  if (flags.push_name.empty() || flags.push_value.empty()) return wrong("push needs NAME and VALUE, or --format");
  const auto value = plain_value(trimmed(flags.push_value));
  if (!value) return wrong("VALUE must be a finite number, true, false or a text of at most 1 KiB");
  boost::json::object report{{"name", flags.push_name}};
  std::visit([&report](const auto& v) { report["value"] = v; }, *value);
  if (!flags.push_unit.empty()) report["unit"] = flags.push_unit;
  if (!flags.push_time.empty()) {
    if (!time_of_text(flags.push_time)) {
      return wrong("--time must be seconds since 1970 or such as 2026-01-02T03:04:05Z");
    }
    report["time"] = flags.push_time;
  }
  return "#format json\n" + boost::json::serialize(report) + "\n";
}

bool wait_for(int fd, short what) {
  pollfd p{fd, what, 0};
  int ready = 0;
  do ready = ::poll(&p, 1, kWaitMs);
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

bool send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    if (n < 0 && errno == EAGAIN && wait_for(fd, POLLOUT)) continue;
    if (n < 0 && errno != EINTR) return false;
  }
  ::shutdown(fd, SHUT_WR);
  return true;
}

/// All answers; a long input is answered more than once.
std::string hear(int fd) {
  std::string answer;
  char buffer[4'096];
  while (answer.size() < 64 * 1'024 && wait_for(fd, POLLIN)) {
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n == 0) break;
    if (n > 0) answer.append(buffer, static_cast<std::size_t>(n));
    if (n < 0 && errno != EINTR && errno != EAGAIN) break;
  }
  return answer;
}

}  // namespace

int push_command(const Flags& flags) {
  const auto text = text_of(flags);
  if (!text) return kUsage;
  int fd = -1;
  std::string tried;
  for (const auto& path : candidates(flags)) {
    fd = connect_to(path);
    if (fd >= 0) break;
    const int why = errno;
    tried += "\n  " + path + ": " + std::strerror(why);
    if (why == EACCES) {
      std::fprintf(stderr,
                   "device-agent: %s: permission denied; who pushes must be the agent's user, or in the group "
                   "that [push] group names\n",
                   path.c_str());
      return kFailed;
    }
  }
  if (fd < 0) {
    std::fprintf(stderr,
                 "device-agent: no agent takes readings here; is one running, with enable = true in [push]?%s\n",
                 tried.c_str());
    return kNobodyThere;
  }
  const bool is_sent = send_all(fd, *text);
  std::string answer = hear(fd);
  ::close(fd);
  if (!is_sent || answer.empty()) {
    std::fprintf(stderr, "device-agent: the agent went away before it had answered\n%s", answer.c_str());
    return kFailed;
  }
  const bool is_fine = answer.rfind("error", 0) != 0 && answer.find("\nerror") == std::string::npos;
  std::fputs(answer.c_str(), is_fine ? stdout : stderr);
  return is_fine ? 0 : kFailed;
}

}  // namespace agent
