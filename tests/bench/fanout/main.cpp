// The load client of tests/bench/run fanout, latency, storm and polling: one process, one thread, one case.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>

#include "cases.h"

namespace {

void add_server(CLI::App& app, bench::ServerOptions& server) {
  app.add_option("--port", server.port, "of the server, on 127.0.0.1")->required();
  app.add_option("--pid", server.pid, "of the server's process, whose CPU and memory are told");
  app.add_option("--ca", server.ca_file, "CA certificate of the server: TLS; without it plain TCP");
  app.add_option("--viewer-token", server.viewer_token, "hub: an API token with the scope read");
  app.add_option("--device-token", server.device_token, "hub: the publishing device's token");
  app.add_option("--device", server.device, "hub: the publishing device's name");
  app.add_flag("--by-name", server.device_by_name, "hub: --device-token is an API token with the scope ingest");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Load for a hub and for what stands beside it; JSON lines on stdout");
  app.require_subcommand(1);

  bench::FanOptions fan;
  auto* const fan_case = app.add_subcommand("fan", "one publisher, many subscribers");
  add_server(*fan_case, fan.server);
  fan_case->add_option("--protocol", fan.protocol, "of the server")
      ->required()
      ->check(CLI::IsMember({"hub", "ws", "socketio", "mqtt", "nats"}));
  fan_case->add_option("--subscribers", fan.subscribers, "how many")->check(CLI::Range(1, 60'000));
  fan_case->add_option("--at-once", fan.at_once, "connections being opened at a time")->check(CLI::Range(1, 1'000));
  fan_case->add_option("--bytes", fan.payload_bytes, "of a message's payload")->check(CLI::Range(18, 1'024));
  fan_case->add_option("--numbers", fan.numbers, "hub: so many series of numbers instead of one text")
      ->check(CLI::Range(0, 1'000));
  fan_case->add_option("--series", fan.series,
                       "hub: follow this series, whose values are seconds of the monotonic clock; publish nothing");
  fan_case
      ->add_option(
          "--stalled", fan.stalled,
          "hub: so many more subscribers, who read nothing once they are live, and stay until a line comes on stdin")
      ->check(CLI::Range(0, 10'000));
  fan_case->add_flag("--since-commit", fan.since_commit, "hub: latencies from the commit on, by the machine's clock");
  fan_case->add_option("--rates", fan.rates, "messages a second, a step each")
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  fan_case->add_option("--warm", fan.warm_s, "seconds of each step that are not measured");
  fan_case->add_option("--seconds", fan.seconds, "that are")->check(CLI::PositiveNumber);
  fan_case->add_option("--bound-ms", fan.bound_ms,
                       "end behind a step, the first excepted, with a p99 above it or less than 98 % delivered");

  bench::StormOptions storm;
  auto* const storm_case =
      app.add_subcommand("storm", "devices and viewers that come back; commands on stdin: killed, mark NAME, finish");
  add_server(*storm_case, storm.server);
  storm_case->add_option("--tokens", storm.tokens_file, "a device token a line")->required();
  storm_case->add_option("--viewers", storm.viewers, "of the first device, which is --device");
  storm_case->add_option("--period", storm.period_s, "seconds between two readings of a device")
      ->check(CLI::PositiveNumber);
  storm_case->add_option("--at-once", storm.at_once, "connections being opened at a time")
      ->check(CLI::Range(1, 10'000));
  storm_case->add_option("--acknowledged", storm.acknowledged_file,
                         "file for the number of acknowledged readings, a line each device");

  bench::PollOptions poll;
  auto* const poll_case = app.add_subcommand("poll", "viewers that ask the hub's REST API for new readings");
  add_server(*poll_case, poll.server);
  poll_case->add_option("--viewers", poll.viewers, "how many")->check(CLI::Range(1, 60'000));
  poll_case->add_option("--at-once", poll.at_once, "connections being opened at a time")->check(CLI::Range(1, 1'000));
  poll_case->add_option("--rate", poll.rate, "readings a second")->check(CLI::PositiveNumber);
  poll_case->add_option("--period", poll.period_s, "seconds between two polls of a viewer")->check(CLI::PositiveNumber);
  poll_case->add_option("--warm", poll.warm_s, "seconds that are not measured");
  poll_case->add_option("--seconds", poll.seconds, "that are")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);

  std::signal(SIGPIPE, SIG_IGN);  // a peer that is gone is an error of the write
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  int code = 1;
  try {
    if (fan_case->parsed()) code = bench::run_fan(fan);
    if (storm_case->parsed()) code = bench::run_storm(storm);
    if (poll_case->parsed()) code = bench::run_poll(poll);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fanout_load: %s\n", error.what());
  }
  std::fflush(stdout);
  ::_exit(code);  // thousands of orderly closes are not what is measured
}
