// What can be measured: one function a case, each prints JSON lines on stdout and gives the program's exit code.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

/// Where the server is, and as whom to speak to the hub.
struct ServerOptions {
  std::uint16_t port = 0;
  int pid = 0;
  std::string ca_file;       // empty: plain
  std::string viewer_token;  // hub: an API token with the scope read
  std::string device_token;  // hub: a device's token, or with `device_by_name` an API token with the scope ingest
  std::string device;        // hub: the device's name
  bool device_by_name = false;
};

struct FanOptions {
  ServerOptions server;
  std::string protocol;  // hub, ws, socketio, mqtt, nats
  std::size_t subscribers = 1'000, at_once = 32, payload_bytes = 200;
  unsigned numbers = 0;           // hub: series of numbers instead of the text
  std::string series;             // hub: follow this series of `device`; nothing is published
  std::size_t stalled = 0;        // hub: so many more, who read nothing once they are live
  bool since_commit = false;      // hub: latencies from the commit instead of from when a message is due
  std::vector<double> rates{20};  // messages a second, one step each
  double warm_s = 1, seconds = 5;
  double bound_ms = 0;  // end behind a step, the first excepted, whose p99 is above, or that did not deliver; 0: never
};

struct StormOptions {
  ServerOptions server;
  std::string tokens_file;  // a device token a line: as many devices
  std::size_t viewers = 0;  // of the first device's series
  double period_s = 10;     // between two readings of a device
  std::size_t at_once = 256;
  double least_backoff_s = 1, most_backoff_s = 60;
  std::string acknowledged_file;  // at the end: readings acknowledged, a line each device
};

struct PollOptions {
  ServerOptions server;
  std::size_t viewers = 1'000, at_once = 32;
  double rate = 10, period_s = 1, warm_s = 2, seconds = 10;
};

int run_fan(const FanOptions& options);
int run_storm(const StormOptions& options);
int run_poll(const PollOptions& options);

}  // namespace bench
