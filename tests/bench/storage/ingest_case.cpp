#include "tests/bench/storage/cases.h"
#include "tests/bench/storage/frames.h"
#include "tests/bench/storage/process_cost.h"

namespace bench {
namespace {

/// By the engine's own answers, series by series.
std::uint64_t count_stored(Engine& engine, const IngestOptions& options) {
  const std::int64_t from_us = options.workload.start_us - kHourUs;
  const auto length_us = static_cast<std::int64_t>(options.seconds) * kSecondUs;
  std::uint64_t count = 0;
  for (std::uint32_t series = 0; series < options.workload.devices * kSeriesPerDevice; ++series) {
    for (const auto& bucket : engine.buckets(series, from_us, options.workload.start_us + length_us + kHourUs, 1)) {
      count += bucket.count;
    }
  }
  return count;
}

void check_stored(Engine& engine, const IngestOptions& options, std::uint64_t readings) {
  const auto found = count_stored(engine, options);
  if (found == readings) return;
  throw Failure(std::to_string(found) + " readings are stored instead of " + std::to_string(readings));
}

void measure_compaction(Engine& engine, const Report& report, const IngestOptions& options, std::uint64_t readings,
                        std::uint64_t written_before) {
  const auto count = static_cast<double>(readings);
  const auto before = ProcessCost::now();
  if (!engine.compact()) return;
  engine.close();
  const auto cost = ProcessCost::now().since(before);
  const auto sizes = engine.sizes();
  report.say("compaction_cpu_us_per_reading", cost.cpu_s * 1e6 / count, "us");
  report.say("compaction_written_bytes_per_reading", static_cast<double>(cost.written_bytes) / count, "B");
  report.say("written_in_all_bytes_per_reading", static_cast<double>(written_before + cost.written_bytes) / count, "B");
  report.say("compacted_disk_bytes_per_reading", static_cast<double>(sizes.disk) / count, "B");
  engine.open();
  check_stored(engine, options, readings);
}

}  // namespace

void run_ingest(const EngineMaker& make, const Report& report, const IngestOptions& options) {
  EngineOptions engine_options;
  engine_options.start_us = options.workload.start_us;
  engine_options.batch = options.batch;
  const auto engine = make(engine_options);
  FrameMaker maker(options.workload, {});
  auto frames = maker.next(options.seconds);
  auto rest = maker.rest();
  const std::uint64_t readings = count_readings(frames) + count_readings(rest);
  engine->prepare(std::move(frames));
  engine->prepare(std::move(rest));
  const auto count = static_cast<double>(readings);
  report.note(std::to_string(readings) + " readings");

  const auto before = ProcessCost::now();
  engine->store();
  const auto commits = static_cast<double>(engine->commits());
  engine->seal();
  engine->close();
  const auto cost = ProcessCost::now().since(before);
  const auto sizes = engine->sizes();
  report.say("readings_per_s", count / cost.wall_s, "1/s");
  report.say("cpu_us_per_reading", cost.cpu_s * 1e6 / count, "us");
  report.say("disk_bytes_per_reading", static_cast<double>(sizes.disk) / count, "B");
  report.say("journal_bytes_per_reading", static_cast<double>(sizes.journal) / count, "B");
  report.say("written_bytes_per_reading", static_cast<double>(cost.written_bytes) / count, "B");
  report.say("readings_per_commit", count / commits, "1");
  engine->open();
  check_stored(*engine, options, readings);
  measure_compaction(*engine, report, options, readings, cost.written_bytes);
}

}  // namespace bench
