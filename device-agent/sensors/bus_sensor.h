// Sensors behind a bus that answers when it likes: read on a thread of their own.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "device-agent/sensors/bus_files.h"
#include "device-agent/sensors/sensor.h"

namespace agent {

struct BusState;

/// One look at a bus: what Bus::read() reads and tells through. Lives on the bus's thread.
class BusRound {
 public:
  BusRound(BusState& state, BusFiles& files) : state_(state), files_(files) {}

  /// A file without the white space at its end. Nothing where it cannot be read: a file that is gone, or that has no
  /// value now, is no trouble; anything else is. What hung until it was interrupted is left alone for a minute.
  std::optional<std::string> text(const std::string& path);
  /// Nothing also where it is no number.
  std::optional<double> number(const std::string& path);
  bool write(const std::string& path, const std::string& text);
  /// False: the thread is to end.
  bool pause(std::chrono::milliseconds time);
  bool is_stopping() const;
  std::int64_t boot_us() const;
  /// `measured_us`: boot time; 0: now.
  void put(const SeriesSpec& spec, double value, std::int64_t measured_us = 0);
  void trouble(const std::string& what);
  /// Whether a file was missing in this round: the bus lists anew.
  bool saw_loss() const { return saw_loss_; }

 private:
  BusState& state_;
  BusFiles& files_;
  bool saw_loss_ = false;
};

/// A kind of sensors that share one thread.
class Bus {
 public:
  virtual ~Bus() = default;
  /// What is there now, by listing folders only. Called from the agent's thread once, before the first read().
  virtual std::vector<SeriesSpec> find() = 0;
  /// Reads everything once, on the bus's thread, and finds by itself what came since.
  virtual void read(BusRound& round) = 0;
};

struct BusOptions {
  std::string kind;                          // "iio": also the sensor's identity
  std::int64_t interval_us = 0;              // 0: the agent's
  std::shared_ptr<BusFiles> files;           // null: the kernel's
  std::function<std::int64_t()> boot_us;     // null: the system's clock
  std::int64_t hangs_after_us = 10'000'000;  // a read that takes so long is interrupted
};

/// Hands over what its thread read. The thread starts with the first sample() and reads once an interval, timed so that
/// it is done just before the next sample(): values are young, and a slow bus delays nobody. One answer a series is
/// kept and at most 1,024 series; further ones are left out and said by problem(). A round that lasts longer than the
/// interval goes on; the next one begins at the sample() after it. Ends in bounded time: a read in progress is
/// interrupted by a signal (SIGURG, of that thread only). A driver that lets itself not be interrupted keeps its
/// thread, which then ends by itself whenever the driver returns; it owns all it touches.
class BusSensor final : public Sensor {
 public:
  BusSensor(BusOptions options, std::unique_ptr<Bus> bus);
  ~BusSensor() override;
  const std::vector<SeriesSpec>& series() const override { return series_; }
  void sample(const SampleTime& now, std::vector<Sample>& out) override;
  std::int64_t interval_us() const override { return options_.interval_us; }
  std::string identity() const override { return options_.kind; }
  std::string kind() const override { return options_.kind; }
  std::string problem() const override;
  bool refresh(std::chrono::milliseconds most) override;

 private:
  void start();
  void interrupt();
  std::size_t index_of(const SeriesSpec& spec);

  BusOptions options_;
  std::unique_ptr<Bus> bus_;         // until the thread has it
  std::shared_ptr<BusState> state_;  // with the thread
  struct Thread;
  std::unique_ptr<Thread> thread_;
  std::vector<SeriesSpec> series_;
  std::unordered_map<std::string, std::size_t> indexes_;
  std::int64_t sampled_us_ = 0;  // boot time
  bool is_full_ = false;
};

}  // namespace agent
