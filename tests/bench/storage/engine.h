// A store of readings as the benchmark's cases see it, so that each case is written once.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

inline constexpr std::int64_t kSecondUs = 1'000'000, kHourUs = 3'600 * kSecondUs, kDayUs = 24 * kHourUs;

/// Ends the run with exit code 1: the engine failed, or answered something wrong.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Readings of one device: every series at the same times, in order of arrival.
struct Frame {
  unsigned device = 0;
  std::vector<std::uint32_t> series;  // numbers of the whole store: device · kSeriesPerDevice + index
  std::vector<std::int64_t> times_us;
  std::vector<std::vector<double>> values;  // one column a series
  std::size_t reading_count() const { return series.size() * times_us.size(); }
};

struct Reading {
  std::int64_t time_us = 0;
  double value = 0;
  bool operator==(const Reading&) const = default;
};

struct Bucket {
  std::uint32_t index = 0;
  std::uint64_t count = 0;
  double minimum = 0, maximum = 0, sum = 0;
};

struct EngineOptions {
  std::string folder;                               // exists and is empty, or was this engine's before
  std::size_t batch = 10'000;                       // readings made durable together
  std::int64_t start_us = 0;                        // when the data begins
  std::int64_t seal_interval_us = 600 * kSecondUs;  // of the data's time; for engines that seal
};

/// One thread. Every failure is a `Failure`.
class Engine {
 public:
  virtual ~Engine() = default;

  /// Takes frames, in the form in which ingest has them, to be stored next. Not to be timed.
  virtual void prepare(std::vector<Frame> frames) = 0;
  /// Stores what was prepared: all of it is durable when this returns.
  virtual void store() = 0;
  /// Readings out of the log into their lasting form, where that is not at once.
  virtual void seal() = 0;
  /// Ends the days that there are readings of, where that changes how they are stored. False: it does not.
  virtual bool compact() = 0;

  virtual void close() = 0;
  virtual void open() = 0;
  /// Closes, and has the system forget what it holds of the files in memory.
  virtual void forget_cached() = 0;

  /// Durable commits since it was opened.
  virtual std::uint64_t commits() const = 0;

  /// Of files; exact only while closed. Disk: what readings take, without room that the next ones reuse. Spare: that
  /// room. Journal: commits kept for consumers that catch up, which are stored a second time.
  struct Sizes {
    std::uint64_t disk = 0, spare = 0, journal = 0;
  };
  virtual Sizes sizes() = 0;

  virtual std::size_t latest(std::span<const std::uint32_t> series) = 0;  // how many have one
  virtual std::vector<Reading> raw(std::uint32_t series, std::int64_t from_us, std::int64_t to_us) = 0;
  /// Bucket i covers [from + i·(to−from)/width, from + (i+1)·(to−from)/width); empty buckets are left out.
  virtual std::vector<Bucket> buckets(std::uint32_t series, std::int64_t from_us, std::int64_t to_us,
                                      std::uint32_t width) = 0;
  /// Drops what is older; its room is free again when this returns, for other files where the engine gives it back.
  virtual std::uint64_t expire(std::int64_t before_us) = 0;
};

}  // namespace bench
