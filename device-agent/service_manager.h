// What systemd is told, and what it is asked: readiness, what goes on, and that the work still goes on.
#pragma once

#include <chrono>
#include <string>

namespace agent {

/// Speaks sd_notify's protocol (one datagram a message) to $NOTIFY_SOCKET; without that variable it does nothing. Not
/// libsystemd: that pulls six more libraries into every agent for these lines. Takes the variables out of the
/// environment, so that no child speaks for the agent. Agent's thread. A message that does not go through is lost: the
/// watchdog then says so by itself.
class ServiceManager {
 public:
  /// From the environment of this process.
  static ServiceManager from_environment();
  ServiceManager() = default;
  ServiceManager(std::string socket, std::chrono::microseconds watchdog)
      : socket_(std::move(socket)), watchdog_(watchdog) {}

  /// Whether somebody starts this process again when it ends.
  bool is_there() const { return !socket_.empty(); }
  /// One line for `systemctl status`; sent when it changed.
  void status(const std::string& text);
  void ready();
  void reloading();
  void stopping();
  /// The work goes on: call it whenever that was seen, as often as you like; it sends in time for WatchdogSec.
  void alive();

 private:
  void send(const std::string& text);

  std::string socket_, status_;
  std::chrono::microseconds watchdog_{0};  // 0: none
  std::chrono::steady_clock::time_point last_alive_{};
};

}  // namespace agent
