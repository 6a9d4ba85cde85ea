#include "tests/bench/storage/cases.h"
#include "tests/bench/storage/frames.h"
#include "tests/bench/storage/process_cost.h"

namespace bench {
namespace {

std::uint64_t count_stored(Engine& engine, const ExpiryOptions& options) {
  std::uint64_t count = 0;
  for (std::uint32_t series = 0; series < options.devices * kSeriesPerDevice; ++series) {
    for (const auto& bucket : engine.buckets(series, kStartUs - kDayUs, kStartUs + (options.days + 1) * kDayUs, 1)) {
      count += bucket.count;
    }
  }
  return count;
}

}  // namespace

void run_expiry(const EngineMaker& make, const Report& report, const ExpiryOptions& options) {
  EngineOptions engine_options;
  engine_options.start_us = kStartUs;
  engine_options.seal_interval_us = kDayUs;  // the way in is not what is measured
  const auto engine = make(engine_options);
  std::uint64_t stored = 0, first_day = 0;
  for (unsigned day = 0; day < options.days; ++day) {
    WorkloadOptions workload;
    workload.devices = options.devices;
    workload.seed += day;
    workload.start_us = kStartUs + day * kDayUs + kSecondUs;  // samples stray by 2 ms, and must not into another day
    FrameMaker maker(workload, {kBulkInstants, 0, {}});
    for (auto frames : {maker.next(options.day_seconds), maker.rest()}) {
      stored += count_readings(frames);
      engine->prepare(std::move(frames));
    }
    if (day == 0) first_day = stored;
    engine->store();
    engine->seal();
  }
  engine->compact();
  engine->close();
  const auto before = engine->sizes();
  engine->open();
  if (count_stored(*engine, options) != stored) throw Failure("not all readings were stored");

  std::uint64_t expired = 0;
  const double took_ms = timed_ms([&] { expired = engine->expire(kStartUs + kDayUs); });
  if (expired != first_day || count_stored(*engine, options) != stored - first_day) {
    throw Failure(std::to_string(expired) + " readings expired instead of " + std::to_string(first_day));
  }
  engine->close();
  const auto after = engine->sizes();
  report.say("expire_day_ms", took_ms, "ms");
  report.say("freed_bytes",
             static_cast<double>(before.disk + before.spare) - static_cast<double>(after.disk + after.spare), "B");
}

}  // namespace bench
