#include "hub/storage/sqlite/merged_readings.h"

#include <algorithm>

namespace hub::sqlite {

void MergedReadings::reserve(std::size_t readings) {
  readings_.reserve(readings);
}

void MergedReadings::add_run(const TailRun& run, std::int64_t from_us, std::int64_t to_us) {
  const auto source = static_cast<std::uint32_t>(sources_.size());
  sources_.push_back({&run.column->values, run.commit->number, run.commit->number, run.frame->received_at_us,
                      run.frame->received_at_us, run.frame->flags});
  commits_.push_back(run.commit);
  const auto& times = *run.column->times;
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (times[i] < from_us || times[i] >= to_us) continue;
    readings_.push_back({{times[i], run.commit->number, run.first_index + i}, source, static_cast<std::uint32_t>(i)});
  }
}

void MergedReadings::add_chunk(const ChunkHeader& header, std::shared_ptr<const ChunkReadings> readings,
                               std::int64_t from_us, std::int64_t to_us) {
  const auto source = static_cast<std::uint32_t>(sources_.size());
  chunks_.push_back(std::move(readings));
  const auto& chunk = *chunks_.back();
  sources_.push_back({&chunk.values, header.first_commit, header.last_commit, header.first_received_us,
                      header.last_received_us, header.flags});
  const auto begin = std::lower_bound(chunk.times_us.begin(), chunk.times_us.end(), from_us);
  for (auto i = static_cast<std::size_t>(begin - chunk.times_us.begin()); i < chunk.times_us.size(); ++i) {
    if (chunk.times_us[i] >= to_us) break;
    readings_.push_back({{chunk.times_us[i], header.seal, chunk.rank(i)}, source, static_cast<std::uint32_t>(i)});
  }
}

void MergedReadings::add(const MergedReadings& other, std::span<const Reading> readings) {
  const auto base = static_cast<std::uint32_t>(sources_.size());
  sources_.insert(sources_.end(), other.sources_.begin(), other.sources_.end());
  for (Reading reading : readings) {
    reading.source += base;
    readings_.push_back(reading);
  }
}

void MergedReadings::sort() {
  const auto by_order = [](const Reading& a, const Reading& b) { return a.order < b.order; };
  // A live series arrives in order.
  if (!std::is_sorted(readings_.begin(), readings_.end(), by_order))
    std::sort(readings_.begin(), readings_.end(), by_order);
}

}  // namespace hub::sqlite
