// What an agent sends to a real hub for each reading: TLS and WebSocket included, IP and TCP not.
#include <spdlog/sinks/null_sink.h>

#include <CLI/CLI.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cmath>
#include <cstdio>

#include "device-agent/agent.h"
#include "device-agent/credential_file.h"

namespace {

/// Values of the resolution real sensors have; one in ten is full double noise.
class Sensors final : public agent::Sensor {
 public:
  Sensors(unsigned count, std::uint64_t& readings) : readings_(readings) {
    for (unsigned i = 0; i < count; ++i) {
      series_.push_back({"bench.sensor." + std::to_string(i), "Cel", agent::ValueType::number});
      values_.push_back(20 + i);
    }
  }
  const std::vector<agent::SeriesSpec>& series() const override { return series_; }
  void sample(const agent::SampleTime&, std::vector<agent::Sample>& out) override {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      values_[i] += (random_.next_unit() - 0.5) * 0.2;
      const double value = i % 10 == 9 ? random_.next_unit() : std::round(values_[i] * 100) / 100;
      out.push_back({i, value});
      ++readings_;
    }
  }

 private:
  std::uint64_t& readings_;
  base::SeededRandom random_{42};
  std::vector<double> values_;
  std::vector<agent::SeriesSpec> series_;
};

struct Measured {
  agent::LinkCounters counters;
  std::uint64_t readings = 0;
};

}  // namespace

int main(int argc, char** argv) {
  std::string state;
  unsigned series = 10;
  unsigned interval_ms = 1'000;
  unsigned latency_ms = 1'000;
  unsigned seconds = 30;
  CLI::App app{"Runs an enrolled agent with made-up sensors, and prints what it sent."};
  app.add_option("--state-dir", state)->required();
  app.add_option("--series", series);
  app.add_option("--interval-ms", interval_ms);
  app.add_option("--latency-ms", latency_ms);
  app.add_option("--seconds", seconds);
  CLI11_PARSE(app, argc, argv);
  std::string problem;
  const auto credential = agent::load_credential(state, problem);
  if (!credential) {
    std::fprintf(stderr, "agent_wire_bench: %s\n", problem.c_str());
    return 1;
  }
  std::uint64_t readings = 0;
  agent::Agent::Parts parts;
  parts.config.interval_us = interval_ms * std::int64_t{1'000};
  parts.config.latency_us = latency_ms * std::int64_t{1'000};
  parts.credential = *credential;
  parts.state_folder = state;
  parts.simulated = true;
  parts.find_sensors = [&] {
    agent::Sensors all;
    all.push_back(std::make_unique<Sensors>(series, readings));
    return all;
  };
  boost::asio::io_context io{1};
  const base::SystemClock clock;
  base::SystemRandom random;
  const auto log = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::null_sink_st>());
  auto made = agent::Agent::make(io.get_executor(), std::move(parts), clock, random, log);
  if (!made) return 1;
  wire::TaskGroup tasks(io.get_executor(), [](const std::exception& e) { std::fprintf(stderr, "%s\n", e.what()); });
  tasks.spawn((*made)->run());
  // The handshake and the definitions are over by then; they are paid once a connection.
  constexpr unsigned kSettle = 12;
  io.run_for(std::chrono::seconds(kSettle));
  const Measured first{(*made)->link().counters(), readings};
  io.run_for(std::chrono::seconds(seconds));
  const Measured last{(*made)->link().counters(), readings};
  (*made)->stop();
  io.run_for(std::chrono::seconds(10));
  const auto sent = static_cast<double>(last.counters.wire_sent_bytes - first.counters.wire_sent_bytes);
  const auto received = static_cast<double>(last.counters.wire_received_bytes - first.counters.wire_received_bytes);
  const auto n = static_cast<double>(last.readings - first.readings);
  std::printf(
      "{\"series\":%u,\"interval_ms\":%u,\"latency_ms\":%u,\"readings\":%.0f,\"sent\":%.2f,\"received\":%.2f}\n",
      series, interval_ms, latency_ms, n, sent / n, received / n);
  return last.counters.sessions == 1 && n > 0 ? 0 : 1;
}
