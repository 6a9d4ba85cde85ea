// What is measured. Each case fills an engine, checks what it holds and says its figures.
#pragma once

#include <functional>
#include <memory>

#include "tests/bench/storage/engine.h"
#include "tests/bench/storage/report.h"
#include "tests/bench/workload.h"

namespace bench {

/// Makes the engine that was asked for; the options' folder is the run's own.
using EngineMaker = std::function<std::unique_ptr<Engine>(EngineOptions)>;

struct IngestOptions {
  WorkloadOptions workload;
  std::uint64_t seconds = 600;
  std::size_t batch = 10'000;
};
/// Rate and costs of storing a workload that lies ready, from the first frame to closed files.
void run_ingest(const EngineMaker& make, const Report& report, const IngestOptions& options);

struct QueriesOptions {
  unsigned devices = 1'000;
  std::uint64_t seconds = 600;  // of each of these devices
  unsigned days = 30;           // of the four series with a history
  unsigned runs = 21;
};
void run_queries(const EngineMaker& make, const Report& report, const QueriesOptions& options);

struct ExpiryOptions {
  unsigned devices = 5;
  unsigned days = 3;
  std::uint64_t day_seconds = 86'398;  // of readings in each day, from its first full second on
};
/// How long it takes until the first day is gone.
void run_expiry(const EngineMaker& make, const Report& report, const ExpiryOptions& options);

struct SealPausesOptions {
  unsigned devices = 1'000;
  double rate = 200'000;  // readings a second
  unsigned seconds = 60;
  unsigned seal_every_s = 10;
};
/// What sealing does to the commits beside it; the hub only.
void run_seal_pauses(const std::string& folder, const Report& report, const SealPausesOptions& options);

}  // namespace bench
